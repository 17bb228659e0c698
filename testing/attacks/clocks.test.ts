import { runTheme } from "./attack.ts";
import { clocks } from "./clocks.ts";

runTheme(clocks);
