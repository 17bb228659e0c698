import { runTheme } from "./attack.ts";
import { namesInOutput } from "./names-in-output.ts";

runTheme(namesInOutput);
