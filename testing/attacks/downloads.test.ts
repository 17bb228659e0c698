import { runTheme } from "./attack.ts";
import { downloads } from "./downloads.ts";

runTheme(downloads);
