import { runTheme } from "./attack.ts";
import { keysAndEvents } from "./keys-and-events.ts";

runTheme(keysAndEvents);
