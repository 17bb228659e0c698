/** Builders with binary caches of their own, over real HTTP, honest or not. */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { zstdCompressSync } from "node:zlib";
import { encodeUtf8 } from "@firstmile/formats/bytes/text";
import { narHashOf } from "@firstmile/formats/nix/hash";
import { renderNixPublicKey } from "@firstmile/formats/nix/key";
import { type NarNode, narChunks, narDigest } from "@firstmile/formats/nix/nar";
import { fingerprint, type NarInfo, renderNarInfo } from "@firstmile/formats/nix/narinfo";
import { hashPartOf, type StorePath } from "@firstmile/formats/nix/store-path";
import { type Ed25519Signer, ed25519Signer } from "@firstmile/trust/crypto/signing";

/** Answers a request in its own way; false leaves it to the cache. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface Offer {
  readonly path: StorePath;
  /** The output is one file of this content. */
  readonly content: string | Uint8Array;
  readonly compression?: "none" | "xz" | "zstd";
  readonly references?: readonly StorePath[];
  /** Whose signatures it carries: the builder's own unless told. */
  readonly signers?: readonly Builder[];
  /** Changes the narinfo after it was signed. */
  readonly change?: (info: NarInfo) => NarInfo;
  /** Bytes served in place of the NAR, behind everybody's back. */
  readonly bytes?: (nar: Buffer) => Buffer;
}

export class Builder implements AsyncDisposable {
  readonly name: string;
  readonly operator: string;
  readonly requests: string[] = [];
  readonly files = new Map<string, Buffer>();
  behaviour: Behaviour = () => false;
  private readonly signer: Ed25519Signer = ed25519Signer(randomBytes(32));
  private readonly server: Server;

  static async start(name: string, operator: string): Promise<Builder> {
    const builder = new Builder(name, operator);
    await new Promise<void>((done) => builder.server.listen(0, "127.0.0.1", done));
    return builder;
  }

  private constructor(name: string, operator: string) {
    this.name = name;
    this.operator = operator;
    this.server = createServer((request, response) => this.answer(request, response));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The principal's table in firstmile.toml. */
  get principal(): string {
    const key = renderNixPublicKey({ name: `${this.name}-1`, key: this.signer.publicKey });
    return `[principal.${this.name}]\noperator = "${this.operator}"\nkeys = ["nix:${key}"]\n`;
  }

  sign(
    info: Pick<NarInfo, "storePath" | "narHash" | "narSize" | "references">,
  ): NarInfo["signatures"][number] {
    return { name: `${this.name}-1`, signature: this.signer.sign(encodeUtf8(fingerprint(info))) };
  }

  /** Puts a path into the cache, with its narinfo; gives that. */
  offer(offer: Offer): NarInfo {
    const content = Buffer.from(offer.content as string);
    const node: NarNode = { kind: "regular", executable: false, size: content.length, content: [content] };
    const nar = Buffer.concat([...narChunks(node)]);
    const file = compressed(offer.bytes?.(nar) ?? nar, offer.compression ?? "xz");
    const fileHash = createHash("sha256").update(file).digest();
    const unsigned: NarInfo = {
      storePath: offer.path,
      url: `nar/${fileHash.toString("hex")}.nar`,
      compression: offer.compression ?? "xz",
      fileHash: narHashOf(fileHash),
      fileSize: file.length,
      ...narDigest(node),
      references: offer.references ?? [],
      deriver: undefined,
      signatures: [],
      ca: undefined,
    };
    const signed = {
      ...unsigned,
      signatures: (offer.signers ?? [this]).map((signer) => signer.sign(unsigned)),
    };
    const info = offer.change?.(signed) ?? signed;
    this.files.set(`/${info.url}`, file);
    this.files.set(`/${hashPartOf(offer.path)}.narinfo`, Buffer.from(renderNarInfo(info)));
    return info;
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests.push(`${request.method} ${request.url}`);
    if (this.behaviour(request, response)) return;
    const file = this.files.get(request.url ?? "");
    if (!file) response.writeHead(404).end();
    else
      response
        .writeHead(200, { "Content-Length": file.length })
        .end(request.method === "HEAD" ? undefined : file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

/** `[output]` and the builders' keys, for a policy's end. */
export function outputRules(builders: readonly Builder[], more = ""): string {
  const caches = builders.map(({ url }) => JSON.stringify(url)).join(", ");
  const people = builders.map(({ principal }) => principal).join("");
  return `${people}[output]\nbuilders = "builders"\ncaches = [${caches}]\n${more}`;
}

function compressed(nar: Buffer, how: "none" | "xz" | "zstd"): Buffer {
  if (how === "none") return nar;
  if (how === "zstd") return zstdCompressSync(nar);
  return execFileSync("xz", ["-c", "-0"], { input: nar, maxBuffer: 1 << 30 });
}
