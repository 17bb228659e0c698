/** Somebody who releases software and signs it with minisign or signify, by keys made on the spot. */
import { createHash, generateKeyPairSync, sign } from "node:crypto";

/** An author with a minisign key of their own. */
export class Author {
  readonly #pair = generateKeyPairSync("ed25519");
  readonly number: Buffer;

  constructor(number: string) {
    this.number = Buffer.from(number, "hex");
  }

  get key(): Buffer {
    return this.#pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  }

  /** As a policy lists it. */
  listed(kind: "minisign" | "signify"): string {
    return `${kind}:${Buffer.concat([Buffer.from("Ed"), this.number, this.key]).toString("base64")}`;
  }

  raw(message: Uint8Array): Buffer {
    return sign(null, message, this.#pair.privateKey);
  }

  minisig(message: Uint8Array, name: string, { legacy = false } = {}): Buffer {
    const signature = this.raw(legacy ? message : createHash("blake2b512").update(message).digest());
    const comment = `timestamp:1\tfile:${name}${legacy ? "" : "\thashed"}`;
    const packed = Buffer.concat([Buffer.from(legacy ? "Ed" : "ED"), this.number, signature]);
    const global = this.raw(Buffer.concat([signature, Buffer.from(comment, "latin1")]));
    const lines = ["untrusted comment: x", packed.toString("base64"), `trusted comment: ${comment}`];
    return Buffer.from(`${[...lines, global.toString("base64")].join("\n")}\n`);
  }

  signify(message: Uint8Array): Buffer {
    const packed = Buffer.concat([Buffer.from("Ed"), this.number, this.raw(message)]);
    return Buffer.from(`untrusted comment: x\n${packed.toString("base64")}\n`);
  }
}
