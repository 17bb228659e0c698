import { runTheme } from "./attack.ts";
import { namesAndAbsences } from "./names-and-absences.ts";

runTheme(namesAndAbsences);
