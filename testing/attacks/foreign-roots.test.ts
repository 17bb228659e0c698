import { runTheme } from "./attack.ts";
import { foreignRoots } from "./foreign-roots.ts";

runTheme(foreignRoots);
