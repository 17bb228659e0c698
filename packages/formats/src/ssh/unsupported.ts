import { FormatError } from "../bytes/error.ts";

/**
 * Well-formed so far, but of a version, type or algorithm that this reader does not know. Told apart from damage so
 * that a refusal can name what it met; it is a refusal all the same.
 */
export class UnsupportedSshError extends FormatError {}
