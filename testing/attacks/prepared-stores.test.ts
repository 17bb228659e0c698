import { runTheme } from "./attack.ts";
import { preparedStores } from "./prepared-stores.ts";

runTheme(preparedStores);
