import { runTheme } from "./attack.ts";
import { mergesAndRenames } from "./merges-and-renames.ts";

runTheme(mergesAndRenames);
