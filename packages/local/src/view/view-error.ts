/** A view that could not be made, or that ended under its command. */
export class ViewError extends Error {
  readonly code: "view-unavailable" | "view-misplaced" | "view-ended";
  readonly help: string | undefined;

  constructor(code: ViewError["code"], message: string, help?: string) {
    super(message);
    this.name = "ViewError";
    this.code = code;
    this.help = help;
  }
}

/** This machine cannot make it in this way; perhaps in another. */
export function unavailable(message: string, help?: string): ViewError {
  return new ViewError("view-unavailable", message, help);
}
