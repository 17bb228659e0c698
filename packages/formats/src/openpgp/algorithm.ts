import { encodeHex } from "../bytes/text.ts";

/** Public-key algorithm IDs (RFC 9580 section 9.1) whose keys and signatures are read here. */
export const KeyAlgorithm = {
  rsa: 1,
  rsaEncryptOnly: 2,
  rsaSignOnly: 3,
  ecdsa: 19,
  eddsaLegacy: 22,
  ed25519: 27,
} as const;

/** Hash algorithm IDs (RFC 9580 section 9.5). */
export const HashAlgorithm = {
  md5: 1,
  sha1: 2,
  ripemd160: 3,
  sha256: 8,
  sha384: 9,
  sha512: 10,
  sha224: 11,
  sha3_256: 12,
  sha3_512: 14,
} as const;

export type EcdsaCurveName = "P-256" | "P-384" | "P-521";

/** Curves by object identifier (RFC 9580 section 9.2), in hex; the size is that of an uncompressed point. */
const ECDSA_CURVES: Readonly<Record<string, { readonly curve: EcdsaCurveName; readonly pointSize: number }>> =
  {
    "2a8648ce3d030107": { curve: "P-256", pointSize: 65 },
    "2b81040022": { curve: "P-384", pointSize: 97 },
    "2b81040023": { curve: "P-521", pointSize: 133 },
  };

/** Ed25519Legacy's object identifier, the only one that EdDSALegacy keys may carry. */
const ED25519_LEGACY = "2b06010401da470f01";

export function ecdsaCurve(oid: Uint8Array): { curve: EcdsaCurveName; pointSize: number } | undefined {
  const hex = encodeHex(oid);
  return Object.hasOwn(ECDSA_CURVES, hex) ? ECDSA_CURVES[hex] : undefined;
}

export function isEd25519Legacy(oid: Uint8Array): boolean {
  return encodeHex(oid) === ED25519_LEGACY;
}

const NAMES: ReadonlyMap<number, string> = new Map([
  [1, "RSA"],
  [2, "RSA (encrypt only)"],
  [3, "RSA (sign only)"],
  [16, "ElGamal"],
  [17, "DSA"],
  [18, "ECDH"],
  [19, "ECDSA"],
  [22, "EdDSA"],
  [25, "X25519"],
  [26, "X448"],
  [27, "Ed25519"],
  [28, "Ed448"],
]);

/** A public-key algorithm as a person would call it. */
export function algorithmName(algorithm: number): string {
  return NAMES.get(algorithm) ?? `algorithm ${algorithm}`;
}
