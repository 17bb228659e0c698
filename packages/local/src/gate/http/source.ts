/**
 * One NAR's bytes from wherever they are, pulled a piece at a time so that nobody runs ahead of the Nix client.
 */
import type { ByteRange } from "./range.ts";

export interface SourceRequest {
  readonly method: "GET" | "HEAD";
  /** Ask for this part only; the answer says whether it came. */
  readonly range?: ByteRange;
  /** Ends the transfer; a pending read then rejects. */
  readonly signal: AbortSignal;
}

/** An upstream's answer. The holder must call `close`, also after reading to the end. */
export interface ByteSource {
  /** HTTP status; 200 or 206 for files. */
  readonly status: number;
  /** Length of the body to come, or what a GET would have (HEAD); undefined where the upstream does not say. */
  readonly length: number | undefined;
  /** The Content-Range header as it came. */
  readonly contentRange: string | undefined;
  /**
   * The next bytes, never empty; undefined at the end of a complete body. A piece may be overwritten by the third
   * read after the one that returned it. Rejects when the body breaks off.
   */
  read(): Promise<Buffer | undefined>;
  close(): void;
}
