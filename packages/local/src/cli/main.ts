/** The composition root of the command line. */
import { enableCompileCache } from "node:module";

enableCompileCache();
const { runCommandLine } = await import("./run.ts");
await runCommandLine(process.argv.slice(2));
