/**
 * Whose a certified key is.
 *
 * Claims: a signer comes out only where an authority of the policy signed this certificate, by something better than
 * SHA-1, for exactly one entry of the policy, by a name that stands in both. Against: certificates for hosts, for
 * one command or for some network only, with restrictions that are not known here, for nobody in particular, and
 * from authorities that certify for others. Stricter than `ssh-keygen -Y verify` (OpenSSH 9.2), which reads neither
 * critical options nor a FIDO key's flags, and takes authorities' SHA-1 signatures.
 * Leaves out: the time, which is asked when all else is settled, and revocation lists.
 */
import type { SshCertificate } from "@firstmile/formats/ssh/certificate";
import type { Fingerprint, SignatureCode, SignatureRefused } from "../signature/outcome.ts";
import {
  certifiedFingerprint,
  type KnownSshAuthority,
  type SshKeys,
  type SshSigner,
  sshFingerprint,
  takeInSshKey,
} from "./keys.ts";
import { isSignedBy } from "./signed-by.ts";

/** The signer that the certificate makes of its key, or why it makes none. Never throws. */
export function certifiedSigner(
  certificate: SshCertificate,
  authorities: SshKeys["authorities"],
): SshSigner | SignatureRefused {
  const key = sshFingerprint(certificate.authority);
  const unusable = refusePurpose(certificate, key);
  if (unusable) return unusable;
  const authority = authorities.get(key);
  if (authority === undefined) {
    return refuse("unknown-key", `its certificate is by ${key}, which is not among the authorities`, key);
  }
  const name = matchedName(certificate, authority);
  if (typeof name === "object") return name;
  const signer = signerOf(certificate, certifiedFingerprint(key, name));
  return refuseAuthority(certificate, authority, signer) ?? signer;
}

/** What the time has against a certificate, in words. `now` in Unix seconds. */
export function refuseTime(certificate: SshCertificate, now: number): string | undefined {
  const { validAfter, validBefore } = certificate;
  // Not the other way round: a time that is no number is neither before nor after anything.
  if (!(validAfter <= now)) return `its certificate is valid from ${day(validAfter)} on`;
  if (!(now < validBefore)) return `its certificate expired on ${day(validBefore)}`;
  return undefined;
}

/** Critical options that say what a login may do. Whoever may run one command was not given leave to sign. */
const OF_LOGINS: ReadonlySet<string> = new Set(["force-command", "source-address"]);
const VERIFY_REQUIRED = "verify-required";

function refusePurpose(certificate: SshCertificate, key: Fingerprint): SignatureRefused | undefined {
  if (certificate.kind === "host") {
    return refuse("not-a-signing-key", "its certificate is for a host, not for a person", key);
  }
  for (const [option, data] of certificate.criticalOptions) {
    if (OF_LOGINS.has(option)) {
      return refuse("not-a-signing-key", `its certificate is for logins with ${option} only`, key);
    }
    if (option !== VERIFY_REQUIRED || data.length > 0) {
      return refuse(
        "unsupported-signature",
        `its certificate has a restriction that is not known: ${option}`,
        key,
      );
    }
  }
  const { signature } = certificate;
  if (signature.kind !== "rsa" || signature.hash !== "sha1") return undefined;
  return refuse("weak-signature", "its certificate rests on SHA-1 (ssh-rsa)", key);
}

/**
 * The name by which one entry of the policy knows the holder. PROTOCOL.certkeys takes a certificate without names
 * for everybody's; here, as in `ssh-keygen -Y verify`, it is nobody's.
 */
function matchedName(certificate: SshCertificate, authority: KnownSshAuthority): string | SignatureRefused {
  const { fingerprint, entries } = authority;
  const named = new Set(certificate.principals);
  const matches = entries.flatMap((names) => names.find((name) => named.has(name)) ?? []);
  if (matches.length === 1) return matches[0]!;
  if (matches.length > 1) {
    const who = matches.map(quoted).join(" and ");
    const problem = `its certificate names ${who}, who are different people: it does not say who signed`;
    return refuse("unsupported-signature", problem, fingerprint);
  }
  const who = [...named].slice(0, 3).map(quoted).join(", ") || "nobody";
  const problem = `its certificate names ${who}, for whom authority ${fingerprint} does not speak`;
  return refuse("unknown-key", problem, fingerprint);
}

function signerOf(certificate: SshCertificate, key: Fingerprint): SshSigner {
  return {
    key,
    signingKey: sshFingerprint(certificate.key),
    verifier: takeInSshKey(certificate.key),
    // PROTOCOL.certkeys, "Extensions": without `no-touch-required` a signature must assert that somebody was there.
    touch: certificate.key.type.startsWith("sk-") && !certificate.extensions.has("no-touch-required"),
    pin: certificate.criticalOptions.has(VERIFY_REQUIRED),
  };
}

function refuseAuthority(
  certificate: SshCertificate,
  { verifier }: KnownSshAuthority,
  { key }: SshSigner,
): SignatureRefused | undefined {
  if (verifier.kind === "weak") return refuse("weak-key", `of its authority: ${verifier.problem}`, key);
  if (isSignedBy(certificate.authority, verifier, certificate.signature, certificate.signed))
    return undefined;
  return refuse("bad-signature", "its certificate was not made by the authority that it names", key);
}

function refuse(code: SignatureCode, message: string, key: Fingerprint): SignatureRefused {
  return { valid: false, code, message, key };
}

/** The reader lets no control character into a name, but any length. */
function quoted(name: string): string {
  return `\`${name.length > 80 ? `${name.slice(0, 80)}…` : name}\``;
}

/** The last second that a date can name is far below what 64 bits hold. */
function day(time: bigint): string {
  return time > 8_640_000_000_000n ? "a day that never comes" : isoDay(Number(time));
}

function isoDay(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}
