import { runTheme } from "./attack.ts";
import { pathsOfRules } from "./paths-of-rules.ts";

runTheme(pathsOfRules);
