/** A path that is not a Git repository, or one that Git refuses to read. */
export class RepositoryError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "RepositoryError";
  }
}
