import { runTheme } from "./attack.ts";
import { hostileCaches } from "./hostile-caches.ts";

runTheme(hostileCaches);
