/**
 * A Sigstore instance as the trust repository pins it: `trusted_root.json`, the protobuf message TrustedRoot as JSON,
 * the way Sigstore's own TUF repository publishes it.
 *
 * Claims: an instance that is taken in can vouch: it names at least one certificate authority, one log of signatures
 * and one log of certificates, and each of their keys can be read. Against: a root in which one of these is missing,
 * so that nobody has to vouch for that part.
 * Leaves out: timestamp authorities, which are not asked; and the end of an authority's or a log's validity as a
 * protection against its key: whoever has the key of a retired log can date entries back into its time. The cure is
 * to take that log out of the file.
 */
import { encodeHex } from "@firstmile/formats/bytes/text";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toTrustMaterial, Verifier } from "@sigstore/verify";
import { digest } from "../crypto/hash.ts";

/** Media types of the versions whose fields are the ones read here. */
const MEDIA_TYPES: readonly unknown[] = [
  "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
  "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

/** An instance ready to verify with, or why its trusted root vouches for nothing, as one sentence. */
export type SigstoreInstance =
  | { readonly kind: "instance"; readonly verifier: Verifier }
  | { readonly kind: "unusable"; readonly problem: string };

/** SHA-256 of a trusted root's bytes, in hex: its name. */
export function trustedRootDigest(trustedRoot: Uint8Array): string {
  return encodeHex(digest("sha256", trustedRoot));
}

/** Takes in the bytes of a trusted root. Never throws: a broken one is unusable and says why. */
export function sigstoreInstance(trustedRoot: Uint8Array): SigstoreInstance {
  try {
    const json: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(trustedRoot));
    const mediaType = typeof json === "object" && json !== null && "mediaType" in json ? json.mediaType : "";
    if (!MEDIA_TYPES.includes(mediaType)) return unusable("has no media type that is known");
    const root = TrustedRoot.fromJSON(json);
    return lackOf(root) ?? { kind: "instance", verifier: load(root) };
  } catch {
    // The library throws errors of many kinds, from node:crypto's to its own.
    return unusable("is not JSON of readable keys and certificates");
  }
}

function lackOf({ certificateAuthorities, tlogs, ctlogs }: TrustedRoot): SigstoreInstance | undefined {
  if (certificateAuthorities.length === 0) return unusable("names no certificate authority");
  if (tlogs.length === 0) return unusable("names no transparency log of signatures");
  if (ctlogs.length === 0) return unusable("names no log of certificates");
  return undefined;
}

function unusable(problem: string): SigstoreInstance {
  return { kind: "unusable", problem: `the trusted root ${problem}` };
}

/** One entry of the log, one promise with its time, one log that saw the certificate: each at least. */
function load(root: TrustedRoot): Verifier {
  const material = toTrustMaterial({ ...root, timestampAuthorities: [] });
  return new Verifier(material, { tlogThreshold: 1, timestampThreshold: 1, ctlogThreshold: 1 });
}
