/** The answer to one Nix client, written a piece at a time; the head goes out with the first piece. */
import type { ServerResponse } from "node:http";
import { TransferError } from "./transfer.ts";

export class ClientBody {
  /** Body bytes handed to the connection. */
  bytes = 0;
  readonly #response: ServerResponse;
  readonly #head: () => void;
  #reject: ((error: TransferError) => void) | undefined;

  /** `head` writes status and headers, without sending them. */
  constructor(response: ServerResponse, head: () => void) {
    this.#response = response;
    this.#head = head;
    response.once("close", () => this.#reject?.(new TransferError("client-gone", "the client broke off")));
  }

  /** Resolves when the piece may be overwritten; rejects when the client is gone. */
  write(piece: Buffer): Promise<void> {
    return this.#send(piece, (done) => this.#response.write(piece, done));
  }

  /** Completes the answer with its last piece. Until this is called the client cannot take it for complete. */
  end(piece: Buffer): Promise<void> {
    return this.#send(piece, (done) => this.#response.end(piece, () => done(undefined)));
  }

  #send(piece: Buffer, send: (done: (error: Error | null | undefined) => void) => void): Promise<void> {
    if (!this.#response.headersSent) this.#head();
    this.bytes += piece.length;
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.#response.destroyed) return reject(new TransferError("client-gone", "the client broke off"));
      send((error) => {
        if (error) return reject(new TransferError("client-gone", "the client broke off", error));
        resolve();
      });
    });
  }
}
