/**
 * The vectors of single signatures, put to the tool that everybody else relies on for that format: gpg, ssh-keygen
 * and openssl. What a policy adds (touch, PIN) these have no word for, and are not asked.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { armoredSignature } from "@firstmile/testing/history-vector-case";
import { readVectors, type Vector } from "@firstmile/testing/vectors";
import { compared, type Line } from "./marks.ts";
import { firstLine, gpgSaysGood, utc } from "./peers-git.ts";

interface Area {
  readonly area: string;
  readonly tool: string;
  readonly version: () => string;
  /** Undefined: not a question that this tool takes. */
  readonly accepts: (vector: Vector, dir: string) => boolean | undefined;
}

export const AREAS: readonly Area[] = [
  { area: "openpgp", tool: "gpg", version: () => firstLine("gpg", "--version"), accepts: gpgAccepts },
  {
    area: "ssh",
    tool: "ssh-keygen",
    version: () => spawnSync("ssh", ["-V"]).stderr.toString().trim(),
    accepts: sshKeygenAccepts,
  },
  {
    area: "ed25519",
    tool: "openssl",
    version: () => firstLine("openssl", "version"),
    accepts: opensslAccepts,
  },
];

/** One line a vector, with the one tool's mark. */
export function askSignatureVectors({ area, accepts }: Area): Line[] {
  return readVectors(area).map((vector) => {
    const dir = mkdtempSync(join(tmpdir(), "conformance-"));
    try {
      const good = vector.expect === "valid";
      const accepted = accepts(vector, dir);
      const mark = accepted === undefined ? "-" : compared(good, accepted);
      return { name: vector.file, group: area, expect: good ? "allowed" : "denied", marks: [mark] };
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
}

function put(dir: string, name: string, content: Uint8Array | string | undefined): string {
  const file = join(dir, name);
  writeFileSync(file, content ?? "");
  return file;
}

function gpgAccepts({ blocks, header }: Vector, dir: string): boolean {
  const home = join(dir, "gnupg");
  mkdirSync(home, { mode: 0o700 });
  const env = { PATH: process.env.PATH, HOME: dir, GNUPGHOME: home, LC_ALL: "C" };
  const now = Number(header.get("now"));
  const text = Buffer.from(blocks.get("certificates")!).toString();
  // Without their armor: gpg reads one block a file, and some not at all that have no checksum.
  for (const [, body] of text.matchAll(/-----BEGIN.*\n(?:.+: .*\n)*\n([\s\S]*?)(?:\n=.{4})?\n-----END/g)) {
    const args = ["--faked-system-time", `${now}!`, "--batch", "--quiet", "--no-autostart", "--import"];
    spawnSync("gpg", args, { env, input: Buffer.from(body!, "base64") });
  }
  const signature = withChecksum(Buffer.from(blocks.get("signature")!).toString("latin1"));
  return gpgSaysGood(
    env,
    now,
    put(dir, "signature", Buffer.from(signature, "latin1")),
    blocks.get("message")!,
  );
}

/** A plain armor with the checksum that this gpg wants in some; every other text as it is. */
function withChecksum(text: string): string {
  const plain = /^-----BEGIN PGP SIGNATURE-----\n\n([A-Za-z0-9+/=\n]+)\n-----END PGP SIGNATURE-----\n$/.exec(
    text,
  );
  return plain && !/^=/m.test(plain[1]!) ? armoredSignature(Buffer.from(plain[1]!, "base64")) : text;
}

function sshKeygenAccepts({ blocks, header }: Vector, dir: string): boolean | undefined {
  if (header.has("touch") || header.has("pin") || header.has("also-certified-as")) return undefined;
  const authority = blocks.get("authority");
  const name = header.get("certified-as") ?? "signer";
  const listed = authority
    ? `cert-authority ${Buffer.from(authority)}`
    : Buffer.from(blocks.get("key") ?? []).toString();
  const signers = put(dir, "allowed", listed ? `${name} ${listed}` : "");
  const now = header.get("now");
  const at = now === undefined ? [] : ["-O", `verify-time=${utc(Number(now))}`];
  const signature = put(dir, "signature", blocks.get("signature"));
  const args = [
    "-Y",
    "verify",
    ...at,
    "-f",
    signers,
    "-I",
    name,
    "-n",
    header.get("namespace")!,
    "-s",
    signature,
  ];
  const env = { ...process.env, TZ: "UTC" };
  return spawnSync("ssh-keygen", args, { input: blocks.get("message")!, env }).status === 0;
}

const SPKI = Buffer.from("302a300506032b6570032100", "hex");

function opensslAccepts({ blocks }: Vector, dir: string): boolean | undefined {
  const key = Buffer.from(blocks.get("key")!);
  // pkeyutl takes no empty file, and a raw key only at its length.
  if (key.length !== 32 || blocks.get("message")!.length === 0) return undefined;
  const args = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin"];
  const files = {
    "-inkey": put(dir, "key", Buffer.concat([SPKI, key])),
    "-in": put(dir, "message", blocks.get("message")),
    "-sigfile": put(dir, "signature", blocks.get("signature")),
  };
  return spawnSync("openssl", [...args, ...Object.entries(files).flat()]).status === 0;
}
