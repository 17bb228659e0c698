/**
 * Where the server's process begins. Plain JavaScript, and apart from what it loads: that is compiled once and kept,
 * and Node.js need not load its TypeScript reader for this file.
 */
import { enableCompileCache } from "node:module";

enableCompileCache();
const { serve } = await import("./server.ts");
await serve();
