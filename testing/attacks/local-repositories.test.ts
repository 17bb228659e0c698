import { runTheme } from "./attack.ts";
import { localRepositories } from "./local-repositories.ts";

runTheme(localRepositories);
