/**
 * Why a transfer between an upstream cache, the gate and a Nix client did not come to its end. A closed list: each
 * code has a test that provokes it. Codes say what was seen on the wire and nothing about policy.
 */
export type TransferCode =
  /** The upstream says 404, 410 or 403, which Nix reads as absent; or there is no such file. */
  | "upstream-absent"
  /** No connection, no answer, a malformed answer, or a status other than success and absence. */
  | "upstream-failed"
  | "upstream-timeout"
  /** The body ended before the length that its head announced. */
  | "upstream-truncated"
  /** The body has a Content-Encoding although none was asked for: its bytes are not the ones that were hashed. */
  | "encoded-body"
  | "redirect-refused"
  /** Not an http, https or file URL, or one with credentials, or one that leaves its cache. */
  | "bad-url"
  /** Longer than the limit or than the size that was promised. */
  | "too-large"
  /** Complete, and shorter or longer than the size that was promised. */
  | "wrong-size"
  | "wrong-hash"
  | "client-gone"
  | "client-stalled"
  /** A method other than GET and HEAD. */
  | "bad-method";

/** The only error that this folder throws on what an upstream or a client does. */
export class TransferError extends Error {
  readonly code: TransferCode;

  constructor(code: TransferCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "TransferError";
    this.code = code;
  }
}

/** `error` as a TransferError; whatever is not one yet came from the connection to the upstream. */
export function transferError(error: unknown): TransferError {
  if (error instanceof TransferError) return error;
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === "ENOENT" || code === "ENOTDIR")
    return new TransferError("upstream-absent", "no such file", error);
  if (code === "ELOOP") return new TransferError("upstream-absent", "a link, which is not followed", error);
  if (typeof code === "string" && code.endsWith("_TIMEOUT")) {
    return new TransferError("upstream-timeout", `upstream: ${code}`, error);
  }
  const name = typeof code === "string" ? code : "connection failed";
  return new TransferError("upstream-failed", `upstream: ${name}`, error);
}

/** The statuses that Nix itself reads as "this cache does not have it" (filetransfer.cc). */
export function isAbsent(status: number): boolean {
  return status === 404 || status === 410 || status === 403;
}
