import { runTheme } from "./attack.ts";
import { keptSignatures } from "./kept-signatures.ts";

runTheme(keptSignatures);
