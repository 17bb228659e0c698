/**
 * People with real keys: ssh-keygen and gpg make them and sign with them, each world in homes of its own. FIDO keys
 * are the exception, since there is no token here: their signatures are put together from what a token would answer.
 */
import { createHash, generateKeyPairSync, sign as signBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { runOk } from "@firstmile/local/process/run";

export type KeyKind = keyof typeof SSH_KINDS | keyof typeof OPENPGP_KINDS | "fido";

const SSH_KINDS = {
  "ssh-ed25519": ["-t", "ed25519"],
  "ssh-ecdsa": ["-t", "ecdsa", "-b", "256"],
  "ssh-rsa": ["-t", "rsa", "-b", "2048"],
  "ssh-rsa-1024": ["-t", "rsa", "-b", "1024"],
} as const;

const OPENPGP_KINDS = {
  "openpgp-ed25519": "ed25519",
  "openpgp-rsa": "rsa2048",
  "openpgp-rsa-1024": "rsa1024",
  "openpgp-p256": "nistp256",
} as const;

export interface Person {
  readonly name: string;
  readonly kind: KeyKind;
  /** As `ssh-keygen -l` prints it, or 40 hex digits of the primary key. */
  readonly fingerprint: string;
  /** Path below a trust repository's root. */
  readonly keyFile: string;
  /** The public key as it goes into that file. */
  publicKey(): Promise<Buffer>;
  /** An armored signature: in Git's namespace unless told otherwise. */
  sign(message: Uint8Array, how?: Signing): Promise<Buffer>;
  /** Lines of Git configuration that make this person's key the one that `git commit -S` signs with. */
  readonly gitConfig: Readonly<Record<string, string>>;
  /** Withdraws an OpenPGP key: `publicKey` carries the revocation from then on. */
  revoke(): Promise<void>;
}

export interface Signing {
  readonly namespace?: string;
  /** More arguments for gpg. */
  readonly gpg?: readonly string[];
  /** A FIDO token's flags: 1 touched, 4 PIN or fingerprint given. */
  readonly flags?: number;
}

export interface PersonOptions {
  /** OpenPGP: when the key was made, Unix seconds. Default 2025-01-01. */
  readonly madeAt?: number;
  /** OpenPGP: how long it lives, as gpg takes it (`30d`). */
  readonly expires?: string;
}

/** 2025-01-01: when every key and commit of a world begins. */
export const BEGINNING = 1_735_689_600;

/** Makes a person below `dir`, where gpg's home is shared by all of them. */
export async function makePerson(
  dir: string,
  name: string,
  kind: KeyKind,
  options: PersonOptions = {},
): Promise<Person> {
  if (kind === "fido") return fidoPerson(name);
  if (kind in SSH_KINDS) return sshPerson(dir, name, kind as keyof typeof SSH_KINDS);
  return openPgpPerson(dir, name, kind as keyof typeof OPENPGP_KINDS, options);
}

/** The environment in which Git signs with this person's key and gives an address of theirs. */
export function signingEnv({ gitConfig }: Person, more: Readonly<Record<string, string>> = {}) {
  const entries = Object.entries({ ...gitConfig, ...more });
  const pairs = entries.flatMap(([key, value], i) => [
    [`GIT_CONFIG_KEY_${i}`, key],
    [`GIT_CONFIG_VALUE_${i}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(entries.length), ...Object.fromEntries(pairs) } as Record<string, string>;
}

/** Ends the agent that gpg started for this home. */
export async function endAgents(dir: string): Promise<void> {
  await runOk("gpgconf", ["--kill", "all"], { env: gpgEnv(dir) }).catch(() => {});
}

async function sshPerson(dir: string, name: string, kind: keyof typeof SSH_KINDS): Promise<Person> {
  const file = join(dir, `${name}.key`);
  await runOk("ssh-keygen", ["-q", "-N", "", "-C", name, ...SSH_KINDS[kind], "-f", file]);
  const listed = (await runOk("ssh-keygen", ["-l", "-f", `${file}.pub`])).toString();
  return {
    name,
    kind,
    fingerprint: listed.split(" ")[1]!,
    keyFile: `keys/${name}.pub`,
    publicKey: async () => readFileSync(`${file}.pub`),
    sign: (message, { namespace = "git" } = {}) =>
      runOk("ssh-keygen", ["-q", "-Y", "sign", "-n", namespace, "-f", file], { input: message }),
    gitConfig: { "gpg.format": "ssh", "user.signingkey": file },
    revoke: () => Promise.reject(new Error("an SSH key cannot be withdrawn by its owner")),
  };
}

async function openPgpPerson(
  dir: string,
  name: string,
  kind: keyof typeof OPENPGP_KINDS,
  { madeAt = BEGINNING, expires = "never" }: PersonOptions,
): Promise<Person> {
  const env = gpgEnv(dir);
  const gpg = (args: readonly string[], input: Uint8Array | string = "") =>
    runOk(
      "gpg",
      ["--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", "--passphrase", "", ...args],
      {
        env,
        input,
      },
    );
  const at = (seconds: number) => ["--faked-system-time", `${seconds}!`];
  await gpg([...at(madeAt), "--quick-generate-key", name, OPENPGP_KINDS[kind], "sign", expires]);
  const exported = () => gpg(["--export", `=${name}`]);
  const fingerprint = parseCertificates(await exported())[0]!.fingerprint as string;
  return {
    name,
    kind,
    fingerprint,
    keyFile: `keys/${name}.asc`,
    publicKey: exported,
    sign: (message, how = {}) =>
      gpg(
        [...at(madeAt + 60), ...(how.gpg ?? []), "--armor", "--local-user", fingerprint, "--detach-sign"],
        message,
      ),
    gitConfig: { "gpg.format": "openpgp", "user.signingkey": fingerprint, "gpg.program": gpgWrapper(dir) },
    revoke: async () => {
      // gpg keeps one ready for each new key, with a colon in front so that nobody imports it by accident.
      const made = readFileSync(join(dir, "gnupg/openpgp-revocs.d", `${fingerprint}.rev`), "utf8");
      await gpg(["--import"], made.replace(":-----BEGIN", "-----BEGIN"));
    },
  };
}

function gpgEnv(dir: string): NodeJS.ProcessEnv {
  const home = join(dir, "gnupg");
  mkdirSync(home, { recursive: true, mode: 0o700 });
  return { PATH: process.env.PATH, LC_ALL: "C", HOME: dir, GNUPGHOME: home };
}

/** Git hands gpg no home: this program does. */
function gpgWrapper(dir: string): string {
  const file = join(dir, "gpg");
  const home = join(dir, "gnupg");
  writeFileSync(
    file,
    `#!/bin/sh\nGNUPGHOME=${home} exec gpg --batch --pinentry-mode loopback --passphrase '' "$@"\n`,
    {
      mode: 0o755,
    },
  );
  return file;
}

const FIDO = "sk-ssh-ed25519@openssh.com";

/** What a security key with an `ed25519-sk` key would answer (OpenSSH's PROTOCOL.u2f and PROTOCOL.sshsig). */
function fidoPerson(name: string): Person {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
  const blob = Buffer.concat([field(FIDO), field(raw), field("ssh:")]);
  return {
    name,
    kind: "fido",
    fingerprint: `SHA256:${sha("sha256", blob).toString("base64").replace(/=+$/, "")}`,
    keyFile: `keys/${name}.pub`,
    publicKey: async () => Buffer.from(`${FIDO} ${blob.toString("base64")} ${name}\n`),
    sign: async (message, { namespace = "git", flags = 1 } = {}) => {
      const middle = [field(namespace), field(""), field("sha512")];
      const data = Buffer.concat([Buffer.from("SSHSIG"), ...middle, field(sha("sha512", message))]);
      const answer = Buffer.from([flags, 0, 0, 0, 7]);
      const signed = Buffer.concat([sha("sha256", Buffer.from("ssh:")), answer, sha("sha256", data)]);
      const signature = Buffer.concat([field(FIDO), field(signBytes(null, signed, privateKey)), answer]);
      const whole = [Buffer.from("SSHSIG\0\0\0\x01", "latin1"), field(blob), ...middle, field(signature)];
      const lines = Buffer.concat(whole)
        .toString("base64")
        .replace(/.{70}(?=.)/g, "$&\n");
      return Buffer.from(`-----BEGIN SSH SIGNATURE-----\n${lines}\n-----END SSH SIGNATURE-----\n`);
    },
    gitConfig: {},
    revoke: () => Promise.reject(new Error("an SSH key cannot be withdrawn by its owner")),
  };
}

function field(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function sha(algorithm: string, bytes: Uint8Array): Buffer {
  return createHash(algorithm).update(bytes).digest();
}
