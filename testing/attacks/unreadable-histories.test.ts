import { runTheme } from "./attack.ts";
import { unreadableHistories } from "./unreadable-histories.ts";

runTheme(unreadableHistories);
