import { runTheme } from "./attack.ts";
import { caches } from "./caches.ts";

runTheme(caches);
