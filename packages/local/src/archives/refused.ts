/** An archive that is not unpacked, not even in memory: it would leave its directory, or its reader behind. */
export class ArchiveRefused extends Error {
  constructor(problem: string, options?: ErrorOptions) {
    super(problem, options);
    this.name = "ArchiveRefused";
  }
}

/** Names in an archive are its maker's: kept short and free of what a terminal would obey. */
export function shownName(name: string): string {
  return JSON.stringify(Buffer.from(name.slice(0, 200), "latin1").toString("utf8"));
}
