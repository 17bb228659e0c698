/**
 * The key that the gate signs with: made once, readable by the gate's own user alone. This machine's Nix does not trust
 * it (place.ts says why), other machines may.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { concatBytes, encodeBase64, encodeUtf8 } from "@firstmile/formats/bytes/text";
import { type NixSignature, parseNixSecretKey, renderNixPublicKey } from "@firstmile/formats/nix/key";
import { fingerprint, type NarInfo } from "@firstmile/formats/nix/narinfo";
import { type Ed25519Signer, ed25519Signer } from "@firstmile/trust/crypto/signing";

/** The key file is not one that may be used. */
export class MachineKeyError extends Error {
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.name = "MachineKeyError";
    this.help = help;
  }
}

export class MachineKey {
  private readonly name: string;
  private readonly signer: Ed25519Signer;

  private constructor(name: string, signer: Ed25519Signer) {
    this.name = name;
    this.signer = signer;
  }

  /** Reads the key, or makes it where there is none. Throws `MachineKeyError` where others could read it. */
  static open(file: string): MachineKey {
    if (!existsSync(file)) create(file);
    const { mode } = statSync(file);
    if (mode & 0o077)
      throw new MachineKeyError(
        `${file} can be read by others`,
        `chmod 600 ${file}; if others may have read it, remove it instead: the gate makes a new one. Wherever the old one is trusted, remove it there`,
      );
    const { name, seed, publicKey } = parseNixSecretKey(readFileSync(file, "utf8").trimEnd());
    const signer = ed25519Signer(seed);
    if (!Buffer.from(signer.publicKey).equals(publicKey))
      throw new MachineKeyError(
        `${file} holds two halves of different keys`,
        "remove it: the gate makes a new one",
      );
    return new MachineKey(name, signer);
  }

  /** As in nix.conf's trusted-public-keys. */
  get publicKey(): string {
    return renderNixPublicKey({ name: this.name, key: this.signer.publicKey });
  }

  /** The value of a narinfo's `Sig` line. */
  sign(info: Pick<NarInfo, "storePath" | "narHash" | "narSize" | "references">): NixSignature {
    return { name: this.name, signature: this.signer.sign(encodeUtf8(fingerprint(info))) };
  }
}

/** Written beside and renamed, so that a crash leaves no half of a key. */
function create(file: string): void {
  const seed = randomBytes(32);
  const host = hostname().replace(/[^A-Za-z0-9.-]/g, "") || "machine";
  const secret = encodeBase64(concatBytes(seed, ed25519Signer(seed).publicKey));
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  writeFileSync(`${file}.new`, `firstmile-${host}-${randomBytes(3).toString("hex")}:${secret}\n`, {
    mode: 0o600,
    flush: true,
  });
  renameSync(`${file}.new`, file);
}
