/** Rules with an author who signs with minisign, and handoffs as they are after their own signatures were checked. */
import { createHash } from "node:crypto";
import { encodeUtf8 } from "@firstmile/formats/bytes/text";
import { narHashOf } from "@firstmile/formats/nix/hash";
import { parseDrvPath, parseStorePath } from "@firstmile/formats/nix/store-path";
import type { HandoffStatement, Release } from "@firstmile/formats/statement/handoff";
import type { Statement } from "@firstmile/formats/statement/statement";
import { Author } from "@firstmile/testing/release-author";
import type { Download } from "@firstmile/trust/handoff/download";
import type { VerifiedHandoff } from "@firstmile/trust/handoff/verify";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { Policy } from "@firstmile/trust/policy/policy";
import { renderDefects } from "@firstmile/trust/policy/render";
import type { Fingerprint } from "@firstmile/trust/signature/outcome";
import { sshFingerprint } from "@firstmile/trust/ssh/keys";
import type { VerifiedStatement } from "@firstmile/trust/statement/verify";

export { Author };

export const NOW = 1_700_000_000;

function sshKey(): { line: string; blob: Buffer } {
  const key = new Author("00").key;
  const type = Buffer.from("ssh-ed25519");
  const field = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  const blob = Buffer.concat([field(type), field(key)]);
  return { line: `ssh-ed25519 ${blob.toString("base64")}`, blob };
}

export class HandoffWorld {
  readonly hello = new Author("0102030405060708");
  readonly mallory = new Author("0102030405060708");
  readonly stranger = new Author("ff02030405060708");
  readonly #people = new Map(["alice", "bob", "carol"].map((name) => [name, sshKey()]));

  /** `keys`: the author's, as they are listed. */
  policy(upstream: string, keys = `"${this.hello.listed("minisign")}"`): Policy {
    const people = [...this.#people].map(([name]) => `[principal.${name}]\nkeys = ["keys/${name}.pub"]\n`);
    const text = `format = 1
name = "acme"
expires = 2097-06-01T00:00:00Z
${people.join("")}
[principal.hello]
keys = [${keys}]
[principal.hello-signify]
keys = ["${new Author("ee02030405060708").listed("signify")}"]
[role]
root = { any = 1, of = ["alice"] }
packager = { any = 1, of = ["alice", "bob"] }
two = { any = 2, of = ["alice", "bob"] }
warden = { any = 1, of = ["bob"] }
${upstream}`;
    const files = new Map([["firstmile.toml", encodeUtf8(text)]]);
    for (const [name, { line }] of this.#people) files.set(`keys/${name}.pub`, encodeUtf8(`${line}\n`));
    const result = loadPolicy(files);
    if (!result.ok) throw new Error(renderDefects(result.defects, files));
    return result.policy;
  }

  /** A statement by these people, whose signatures are good. */
  handoff(release: Release, by: readonly string[], more: Partial<HandoffStatement> = {}): VerifiedHandoff {
    const output = release.kind === "file" ? { kind: "file" as const, ...digests(release.file) } : undefined;
    const statement: HandoffStatement = {
      kind: "handoff",
      output: output ?? { kind: "nar", narHash: narHashOf(new Uint8Array(32)) },
      urls: [URL],
      release,
      ...more,
    };
    const outcomes = by.map((name) => this.#outcome(name));
    return { ok: true, statement, digest: "d".repeat(64), outcomes };
  }

  waiver(bytes: Uint8Array, by: readonly string[], until: number): VerifiedStatement {
    const targets = [
      { kind: "content" as const, sha256: hex("sha256", bytes), id: undefined, path: undefined },
    ];
    return this.#stated(
      { kind: "waiver", targets, paths: [], source: undefined, until, because: "for now" },
      by,
    );
  }

  distrust(bytes: Uint8Array, by: readonly string[]): VerifiedStatement {
    const targets = [
      { kind: "content" as const, sha256: hex("sha256", bytes), id: undefined, path: undefined },
    ];
    return this.#stated({ kind: "distrust", targets, keys: [], because: "a back door" }, by);
  }

  /** `base`: of a path in the store. */
  distrustOfPath(base: string, by: readonly string[]): VerifiedStatement {
    const targets = [{ kind: "store" as const, baseName: base }];
    return this.#stated({ kind: "distrust", targets, keys: [], because: "a back door" }, by);
  }

  distrustOfKey(key: string, by: readonly string[]): VerifiedStatement {
    return this.#stated({ kind: "distrust", targets: [], keys: [key], because: "stolen" }, by);
  }

  #stated(statement: Statement, by: readonly string[]): VerifiedStatement {
    return { ok: true, statement, digest: "e".repeat(64), outcomes: by.map((name) => this.#outcome(name)) };
  }

  #outcome(name: string) {
    const { blob } = this.#people.get(name)!;
    const key = sshFingerprint({ blob } as never) as Fingerprint;
    return { valid: true as const, key, signingKey: key, validUntil: undefined };
  }
}

function digests({ sha256, sha512 }: { sha256: string; sha512: string | undefined }) {
  return { sha256, sha512 };
}

export const URL = "https://ftp.gnu.org/gnu/hello/hello-1.0.tar.gz";

export function hex(algorithm: "sha256" | "sha512" | "blake2b512", bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest("hex");
}

/** A released file with all digests of it. */
export function released(bytes: Uint8Array, name = "hello-1.0.tar.gz") {
  return {
    name,
    sha256: hex("sha256", bytes),
    sha512: hex("sha512", bytes),
    blake2b512: hex("blake2b512", bytes),
  };
}

export function download(bytes: Uint8Array, more: Partial<Download> = {}): Download {
  return {
    drvPath: parseDrvPath(`/nix/store/${"0".repeat(32)}-hello-1.0.tar.gz.drv`),
    output: parseStorePath(`/nix/store/${"1".repeat(32)}-hello-1.0.tar.gz`),
    name: "hello-1.0.tar.gz",
    urls: [URL],
    method: "flat",
    hash: { algorithm: "sha256", digest: createHash("sha256").update(bytes).digest() },
    executable: false,
    ...more,
  };
}
