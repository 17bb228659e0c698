/** A machine whose rules ask, of every download, for its author's signature and for bob's word on it. */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { HandoffStatement } from "@firstmile/formats/statement/handoff";
import { derivationText, GateWorld } from "../src/gate-world.ts";
import type { NixVersion } from "../src/nix-world.ts";
import { Author } from "../src/release-author.ts";
import type { Person } from "../src/world.ts";
import { signedBy } from "../src/world-statements.ts";
import { type Admission, askAdmission } from "./gate-answers.ts";

/** An old release with known holes, and the new one. */
export const OLD = Buffer.from("the old source\n");
export const OLD_URL = "https://example.org/hello-1.0.tar";
export const NEW = "hello-2.0.tar";
export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** The old release as a fixed output, called by these words. */
export function download(name: string, more: string, text = OLD): string {
  const fixed = `outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "${sha256(text)}";`;
  return derivationText(name, `echo '${text.toString().trim()}' > $out`, `${fixed} ${more}`);
}

export class DownloadWorld implements AsyncDisposable {
  readonly gate: GateWorld;
  readonly author: Author;
  readonly stranger = new Author("0102030405060709");
  /** Who has asked the network. */
  readonly asked: string[] = [];
  readonly address: string;
  private readonly server: Server;

  static async open(
    version: NixVersion,
    write: (address: string) => Readonly<Record<string, string>>,
  ): Promise<DownloadWorld> {
    const author = new Author("0102030405060708");
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.end(OLD);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const set = Object.entries(write(address)).map(([attr, text]) => `  ${attr} = ${text};`);
    const gate = await GateWorld.make({
      version,
      files: { "default.nix": `{\n${set.join("\n")}\n}` },
      conf: { "experimental-features": "nix-command flakes ca-derivations impure-derivations" },
      policy: { roles: { packager: ["bob"], warden: ["alice"] }, more: rules(author) },
    });
    await gate.startGate();
    return new DownloadWorld({ gate, author, asked, address, server });
  }

  private constructor(
    parts: Pick<DownloadWorld, "gate" | "author" | "asked" | "address"> & { server: Server },
  ) {
    this.gate = parts.gate;
    this.author = parts.author;
    this.asked = parts.asked;
    this.address = parts.address;
    this.server = parts.server;
  }

  /** What bob hands on: the old release, under its own name. */
  handoff(by: Author = this.author, content = OLD, name = "hello-1.0.tar"): HandoffStatement {
    const file = { name, sha256: sha256(content), sha512: undefined, blake2b512: undefined };
    const signature = { kind: "minisign" as const, bytes: by.minisig(content, name, { legacy: true }) };
    return {
      kind: "handoff",
      output: { kind: "file", sha256: file.sha256, sha512: undefined },
      urls: [`https://example.org/${name}`],
      release: { kind: "file", file, becomes: "file", signed: { kind: "file" }, signature },
    };
  }

  async carry(statement: Parameters<typeof signedBy>[0], ...people: readonly Person[]): Promise<void> {
    await this.gate.carry(await signedBy(statement, people));
  }

  admit(attr: string): Promise<Admission> {
    return askAdmission(this.gate, attr, "file");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await this.gate[Symbol.asyncDispose]();
  }
}

function rules(author: Author): string {
  return `[principal.hello-author]
keys = ["${author.listed("minisign")}"]
[[upstream]]
urls = ["**"]
author = "hello-author"
handoff = "packager"
`;
}
