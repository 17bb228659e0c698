import { runTheme } from "./attack.ts";
import { contentAddressed } from "./content-addressed.ts";

runTheme(contentAddressed);
