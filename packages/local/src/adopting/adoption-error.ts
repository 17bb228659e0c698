/** A configuration that cannot be adopted as it is. */
export class AdoptionError extends Error {
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.name = "AdoptionError";
    this.help = help;
  }
}
