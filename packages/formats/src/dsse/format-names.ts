/** How errors name the formats of signed evidence. */
import type { FormatName } from "../bytes/error.ts";

export const DSSE = "dsse" satisfies FormatName;
export const STATEMENT = "statement" satisfies FormatName;
