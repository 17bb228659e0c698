/**
 * Why a signature does not count. A closed list: each code has a test that provokes it and a line in docs/codes.md.
 * Order of the checks: form first, then who, then the mathematics, then the life of the key.
 */
export type SignatureCode =
  | "unsigned"
  | "several-signatures"
  | "malformed-signature"
  | "unsupported-signature"
  | "not-logged"
  | "weak-signature"
  | "weak-key"
  | "unknown-key"
  | "bad-signature"
  | "expired-signature"
  | "expired-key"
  | "revoked-key"
  | "retired-key"
  | "compromised-key"
  | "distrusted"
  | "not-a-signing-key"
  | "touch-missing"
  | "pin-missing";

declare const fingerprintBrand: unique symbol;

/**
 * Names one key. OpenPGP: 40 (v4) or 64 (v6) upper-case hex digits of the primary key. SSH: `SHA256:` and unpadded
 * base64, as `ssh-keygen -l` prints it. Sigstore: `sigstore:`, issuer, identity and the start of the trusted root's
 * SHA-256; what signed is named by the SHA-256 of its certificate.
 */
export type Fingerprint = string & { readonly [fingerprintBrand]: true };

/** What checking one signature over one message by the keys at hand came to. */
export type SignatureOutcome = SignatureValid | SignatureRefused;

export interface SignatureValid {
  readonly valid: true;
  /** The certificate's primary key, or the SSH key: what a principal lists. */
  readonly key: Fingerprint;
  /** The key that made the signature: the primary key itself or one of its subkeys. */
  readonly signingKey: Fingerprint;
  /** Unix seconds when the first of the keys and bindings involved expires; undefined where none does. */
  readonly validUntil: number | undefined;
  /** Root retired the key; the statement counts since it is vouched for from before that. */
  readonly retired?: true;
}

export interface SignatureRefused {
  readonly valid: false;
  readonly code: SignatureCode;
  /** One sentence for a person: what is wrong with this signature. */
  readonly message: string;
  /** The key that it claims or proves, where that is known. */
  readonly key?: Fingerprint;
  /**
   * The signature is good in all but the life of its key: expired, or withdrawn by its owner without harm (a soft
   * revocation), or past its own end. It counts where root says that the key's old signatures do.
   */
  readonly lapsed?: SignatureValid;
}
