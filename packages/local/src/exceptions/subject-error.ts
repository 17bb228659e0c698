/** What a person names cannot be meant, or could be two things. */
export class SubjectError extends Error {
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.name = "SubjectError";
    this.help = help;
  }
}
