/**
 * Signs statements with the user's own key and puts them where others find them.
 *
 * Claims: nothing is written before everything is signed; a signature that readers would refuse is found here; and what
 * this user has signed before in the same words is not there twice, though each OpenPGP or ECDSA signature is another.
 * Against: a planted envelope with somebody else's or a false signature, which must not pass for the user's own.
 */
import { createHash } from "node:crypto";
import { FormatError } from "@firstmile/formats/bytes/error";
import { equalBytes } from "@firstmile/formats/bytes/text";
import { parseEnvelope } from "@firstmile/formats/dsse/envelope";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { parseDetachedSignature } from "@firstmile/formats/openpgp/detached";
import { parseSshsig } from "@firstmile/formats/ssh/sshsig";
import { parseStatement, type Statement } from "@firstmile/formats/statement/statement";
import { isAgainst } from "@firstmile/trust/hearing/words";
import { openPgpKeys } from "@firstmile/trust/openpgp/keys";
import type { KeyRing } from "@firstmile/trust/signature/verify";
import { sigstoreKeys } from "@firstmile/trust/sigstore/keys";
import { sshKeys } from "@firstmile/trust/ssh/keys";
import { openStatement, verifyStatement } from "@firstmile/trust/statement/verify";
import { ProcessError, run } from "../process/run.ts";
import { SigningError, type UserKey } from "../signing/user-key.ts";
import { readStatements } from "../statements/read.ts";
import { signStatement } from "../statements/sign.ts";
import { type WritablePlace, writeStatement } from "../statements/write.ts";

export interface KeptStatement {
  /** SHA-256 of the envelope in hex. */
  readonly name: string;
  readonly where: string;
  /** False: this user had signed it before, and that one is kept. */
  readonly fresh: boolean;
}

export interface Keeping {
  readonly user: UserKey;
  readonly place: WritablePlace;
  /** Unix seconds. */
  readonly now: number;
  /** Throws where the user has changed their mind: asked after signing, before anything is written. */
  readonly goOn?: () => void;
}

/** Signs all, then writes all. Throws `SigningError`, `ProcessError`, and what the place says. */
export async function signAndKeep(
  statements: readonly Statement[],
  { user, place, now, goOn }: Keeping,
): Promise<KeptStatement[]> {
  const signed: Uint8Array[] = [];
  for (const statement of statements) signed.push(await signing(signStatement(user, statement)));
  const keys = signed[0] && (await ownKeys(user, signed[0]));
  for (const envelope of keys ? signed : []) requireGood(envelope, keys!, now, user);
  const before = keys ? await signedBefore(place, signed, keys, now) : new Map<Uint8Array, KeptStatement>();
  goOn?.();
  const kept: KeptStatement[] = [];
  for (const envelope of signed) {
    const known = before.get(envelope);
    kept.push(known ?? { ...(await writeStatement(place, envelope)), fresh: true });
  }
  return kept;
}

const TRY_HELP =
  "nothing was signed; see whether you can sign at all: git commit --allow-empty -S -m try, in a repository of your own";

/** Signing by the user's own program, whose failure is told with what to try. Throws `SigningError`. */
export async function signing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof ProcessError ? new SigningError(error.message, TRY_HELP, { cause: error }) : error;
  }
}

function requireGood(envelope: Uint8Array, keys: KeyRing, now: number, user: UserKey): void {
  const verified = verifyStatement(envelope, keys, now);
  const refused = verified.ok ? verified.outcomes.find(({ valid }) => !valid) : verified;
  if (!refused || !("message" in refused)) return;
  const message = `what ${user.program} signed would count for nobody: ${refused.code}: ${refused.message}`;
  throw new SigningError(message, "nothing was written; sign with another key (git config user.signingkey)");
}

/** The key that made a signature, asked of the signature and of the user's own keyring. Undefined: not to be had. */
async function ownKeys(user: UserKey, envelope: Uint8Array): Promise<KeyRing | undefined> {
  const { sig } = parseEnvelope(envelope).signatures[0]!;
  const none = { openpgp: openPgpKeys([]), ssh: sshKeys([]), sigstore: sigstoreKeys([]) };
  try {
    if (user.format === "openpgp") return { ...none, openpgp: await ownCertificate(user, sig) };
    const { key, certificate } = parseSshsig(sig);
    return certificate ? undefined : { ...none, ssh: sshKeys([{ key, touch: false, pin: false }]) };
  } catch (error) {
    if (error instanceof FormatError || error instanceof ProcessError) return undefined;
    throw error;
  }
}

async function ownCertificate({ program }: UserKey, sig: Uint8Array): Promise<KeyRing["openpgp"]> {
  const [made] = parseDetachedSignature(sig);
  const issuer = made?.kind === "signature" ? made.issuer : undefined;
  if (!issuer || issuer.kind === "none") throw new ProcessError(program, "does not say which key signed");
  const id = issuer.kind === "fingerprint" ? issuer.fingerprint : issuer.keyId;
  const exported = await run(program, ["--export", id]);
  if (exported.code !== 0 || exported.stdout.length === 0)
    throw new ProcessError(program, `has no certificate of ${id}`);
  return openPgpKeys(parseCertificates(exported.stdout));
}

/** Of the envelopes about to be written, those whose words this user's key has signed at this place. */
async function signedBefore(
  place: WritablePlace,
  envelopes: readonly Uint8Array[],
  keys: KeyRing,
  now: number,
): Promise<Map<Uint8Array, KeptStatement>> {
  const before = new Map<Uint8Array, KeptStatement>();
  const wanted = envelopes.map((envelope) => ({ envelope, payload: payloadOf(envelope)! }));
  const there = (await readStatements([place])).found;
  refuseWithdrawn(
    wanted.map(({ payload }) => payload),
    there.map(({ envelope }) => envelope),
  );
  for (const { envelope: found, name, where } of there) {
    const payload = payloadOf(found);
    const same = payload && wanted.find((one) => equalBytes(one.payload, payload));
    if (!same || before.has(same.envelope)) continue;
    const verified = verifyStatement(found, keys, now);
    if (verified.ok && verified.outcomes.some(({ valid }) => valid))
      before.set(same.envelope, { name, where, fresh: false });
  }
  return before;
}

/** A word that was taken back, said again in the same words, is the same statement, and would not be heard. */
function refuseWithdrawn(payloads: readonly Uint8Array[], envelopes: readonly Uint8Array[]): void {
  const against = payloads.filter((payload) => isAgainst(parseStatement(payload)));
  const names = against.map((payload) => createHash("sha256").update(payload).digest("hex"));
  if (names.length === 0) return;
  const ended = envelopes.flatMap((envelope) => {
    const opened = openStatement(envelope);
    return opened.ok && opened.statement.kind === "withdraw" ? opened.statement.statements : [];
  });
  const one = names.find((name) => ended.includes(name));
  if (one === undefined) return;
  throw new SigningError(
    `these very words were withdrawn before (${one.slice(0, 16)}), so they would not be heard`,
    "nothing was written; give the reason in other words: --because, or --note of a review",
  );
}

function payloadOf(envelope: Uint8Array): Uint8Array | undefined {
  try {
    return parseEnvelope(envelope).payload;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
