import { runTheme } from "./attack.ts";
import { evaluationReads } from "./evaluation-reads.ts";

runTheme(evaluationReads);
