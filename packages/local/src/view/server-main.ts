/** Where the server's process begins. Apart, so that what it loads is compiled once. */
import { enableCompileCache } from "node:module";

enableCompileCache();
const { serve } = await import("./server.ts");
await serve();
