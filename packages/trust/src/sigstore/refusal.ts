import type { SignatureCode } from "../signature/outcome.ts";

/** Ends the check of one signature; caught where it began, and never seen outside. */
export class Refusal extends Error {
  readonly code: SignatureCode;

  constructor(code: SignatureCode, message: string) {
    super(message);
    this.name = "Refusal";
    this.code = code;
  }
}

export function refuse(code: SignatureCode, message: string): never {
  throw new Refusal(code, message);
}
