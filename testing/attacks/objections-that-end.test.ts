import { runTheme } from "./attack.ts";
import { objectionsThatEnd } from "./objections-that-end.ts";

runTheme(objectionsThatEnd);
