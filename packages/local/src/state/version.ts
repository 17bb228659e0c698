/** Part of every cache key: raise it whenever a verdict could come out differently. */
export const PROGRAM_VERSION = "0.2.0";
