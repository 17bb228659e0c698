/**
 * Whose key a user will sign with, before anything is signed: so that nobody reads for an hour what is not theirs to
 * read. A hint and no check: a signature says itself who made it.
 */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { FormatError } from "@firstmile/formats/bytes/error";
import { parseSshPublicKey } from "@firstmile/formats/ssh/public-key";
import type { PrincipalName } from "@firstmile/trust/policy/names";
import type { Policy } from "@firstmile/trust/policy/policy";
import { identitiesOf } from "@firstmile/trust/signature/identities";
import type { Fingerprint } from "@firstmile/trust/signature/outcome";
import { sshFingerprint } from "@firstmile/trust/ssh/keys";
import { run } from "../process/run.ts";
import type { UserKey } from "./user-key.ts";

/** `unknown`: the public half of the key is not to be had. `nobody`: the rules do not know the key. */
export type Signer =
  | { readonly kind: "person"; readonly name: PrincipalName }
  | { readonly kind: "nobody" | "unknown" };

export async function signerUnder(policy: Pick<Policy, "principals">, user: UserKey): Promise<Signer> {
  const fingerprint = await fingerprintOf(user);
  if (fingerprint === undefined) return { kind: "unknown" };
  const name = identitiesOf(policy).ownerOf.get(fingerprint);
  return name === undefined ? { kind: "nobody" } : { kind: "person", name };
}

async function fingerprintOf(user: UserKey): Promise<Fingerprint | undefined> {
  try {
    return user.format === "ssh" ? ofSshKey(user.key!) : await ofOpenPgpKey(user);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function ofSshKey(key: string): Fingerprint | undefined {
  const line = key.startsWith("key::") ? key.slice(5) : key.startsWith("ssh-") ? key : publicHalf(key);
  return line === undefined ? undefined : sshFingerprint(parseSshPublicKey(line.trim()));
}

/** Beside a private key lies its public half, unless its owner took it away. */
function publicHalf(named: string): string | undefined {
  const path = named.replace(/^~(?=\/)/, homedir());
  const file = path.endsWith(".pub") ? path : `${path}.pub`;
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

/** Without a key named gpg takes its first secret key. */
async function ofOpenPgpKey({ program, key }: UserKey): Promise<Fingerprint | undefined> {
  const args = ["--batch", "--list-secret-keys", "--with-colons", ...(key === undefined ? [] : [key])];
  const listed = await run(program, args).catch(() => undefined);
  const line = listed?.stdout
    .toString("latin1")
    .split("\n")
    .find((one) => one.startsWith("fpr:"));
  return line?.split(":")[9] as Fingerprint | undefined;
}
