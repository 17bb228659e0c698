import { archives } from "./archives.ts";
import { runTheme } from "./attack.ts";

runTheme(archives);
