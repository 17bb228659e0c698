import { runTheme } from "./attack.ts";
import { takingBack } from "./taking-back.ts";

runTheme(takingBack);
