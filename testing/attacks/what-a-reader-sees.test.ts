import { runTheme } from "./attack.ts";
import { whatAReaderSees } from "./what-a-reader-sees.ts";

runTheme(whatAReaderSees);
