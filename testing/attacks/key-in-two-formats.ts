/** One key pair as an OpenPGP certificate and as an SSH key, and certificates that an SSH authority gives out. */
import { execFileSync } from "node:child_process";
import { createHash, createPrivateKey, sign as signBytes } from "node:crypto";
import { copyFileSync } from "node:fs";
import { type ForgedKey, forgeKey } from "../../packages/trust/test/openpgp/forge.ts";
import { forged } from "../src/history-vector-forged.ts";
import type { Person, World } from "../src/world.ts";

export type PairKind = "ed25519" | "rsa" | "ecdsa";

export interface Pair {
  readonly openpgp: Person;
  readonly ssh: Person;
  readonly key: ForgedKey;
}

/** The same numbers in both formats, and each signs. */
export function keyPair(name: string, kind: PairKind): Pair {
  const seed = createHash("sha256").update(name).digest();
  const key = forgeKey(kind === "ed25519" ? "ed25519-legacy" : kind === "rsa" ? "rsa2048" : "P-256", {
    seed,
  });
  return {
    key,
    openpgp: forged(name, { primary: key }),
    ssh: sshPerson(`${name}-ssh`, sshOf(kind, key, seed)),
  };
}

/** An SSH person who signs with the key of an OpenPGP subkey. */
export function sshOfSubkey(name: string, seed: Buffer, key: ForgedKey): Person {
  return sshPerson(name, sshOf("ed25519", key, seed));
}

interface SshKey {
  readonly type: string;
  readonly blob: Buffer;
  /** The signature blob over some data. */
  readonly sign: (data: Buffer) => Buffer;
}

function sshOf(kind: PairKind, key: ForgedKey, seed: Buffer): SshKey {
  switch (kind) {
    case "ed25519": {
      const raw = key.body.subarray(-32);
      const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
      const secret = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
      const blob = Buffer.concat([field("ssh-ed25519"), field(raw)]);
      const made = (data: Buffer) =>
        Buffer.concat([field("ssh-ed25519"), field(signBytes(null, data, secret))]);
      return { type: "ssh-ed25519", blob, sign: made };
    }
    case "rsa": {
      const [n, e] = numbers(key.body.subarray(6));
      const blob = Buffer.concat([field("ssh-rsa"), field(signed(e!)), field(signed(n!))]);
      const made = (data: Buffer) => {
        const [number] = numbers(key.sign("sha512", data));
        return Buffer.concat([
          field("rsa-sha2-512"),
          field(Buffer.concat([Buffer.alloc(256 - number!.length), number!])),
        ]);
      };
      return { type: "ssh-rsa", blob, sign: made };
    }
    case "ecdsa": {
      const type = "ecdsa-sha2-nistp256";
      const point = key.body.subarray(-65);
      const blob = Buffer.concat([field(type), field("nistp256"), field(point)]);
      const made = (data: Buffer) => {
        const [r, s] = numbers(key.sign("sha256", data));
        return Buffer.concat([field(type), field(Buffer.concat([field(signed(r!)), field(signed(s!))]))]);
      };
      return { type, blob, sign: made };
    }
  }
}

function sshPerson(name: string, { type, blob, sign }: SshKey): Person {
  return {
    name,
    kind: "ssh-ed25519",
    fingerprint: `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`,
    keyFile: `keys/${name}.pub`,
    publicKey: async () => Buffer.from(`${type} ${blob.toString("base64")} ${name}\n`),
    sign: async (message, { namespace = "git" } = {}) => {
      const middle = [field(namespace), field(""), field("sha512")];
      const digest = createHash("sha512").update(message).digest();
      const made = sign(Buffer.concat([Buffer.from("SSHSIG"), ...middle, field(digest)]));
      const whole = Buffer.concat([
        Buffer.from("SSHSIG\0\0\0\x01", "latin1"),
        field(blob),
        ...middle,
        field(made),
      ]);
      const lines = whole.toString("base64").replace(/.{70}(?=.)/g, "$&\n");
      return Buffer.from(`-----BEGIN SSH SIGNATURE-----\n${lines}\n-----END SSH SIGNATURE-----\n`);
    },
    gitConfig: {},
    revoke: () => Promise.reject(new Error("an SSH key cannot be withdrawn by its owner")),
  };
}

/** OpenPGP's multiprecision integers, one behind the other. */
function numbers(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = (bytes.readUInt16BE(at) + 7) >> 3;
    found.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return found;
}

/** SSH's numbers are signed: one whose first bit is set has a zero in front. */
function signed(number: Buffer): Buffer {
  return (number[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), number]) : number;
}

function field(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Signs with a key that an authority certified for a name; both were made by the world. */
export async function certifiedBy(
  world: World,
  authority: Person,
  holderName: string,
  as: string,
): Promise<Person> {
  const holder = await world.person(holderName);
  const at = (person: Person) => world.path(`${person.name}.key`);
  const flags = ["-I", "id", "-n", as, "-V", "20250101000000Z:20400101000000Z"];
  execFileSync("ssh-keygen", ["-q", "-s", at(authority), ...flags, `${at(holder)}.pub`], { stdio: "pipe" });
  copyFileSync(at(holder), `${at(holder)}-cert`);
  const sign: Person["sign"] = async (message, { namespace = "git" } = {}) =>
    execFileSync("ssh-keygen", ["-q", "-Y", "sign", "-n", namespace, "-f", `${at(holder)}-cert.pub`], {
      input: message,
      stdio: ["pipe", "pipe", "pipe"],
    });
  return { ...holder, name: as, sign };
}
