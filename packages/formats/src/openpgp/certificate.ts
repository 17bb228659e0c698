/**
 * Certificates, also called transferable public keys (RFC 9580 section 10.1): one primary key, the signatures
 * directly on it, its user IDs and subkeys, each with the signatures behind it.
 *
 * Claims: shape only. Nothing here has been verified; every signature, user ID and subkey may have been put there
 * by anyone. Refused by name: secret keys, other packets that have no place in a certificate, more than one
 * reading of where a certificate starts.
 */
import { FormatError } from "../bytes/error.ts";
import { decodeArmor, isArmored } from "./armor.ts";
import { isIgnorable, type Packet, PacketTag, readPackets } from "./packet.ts";
import { type OpenPgpFingerprint, type PublicKey, parsePublicKey } from "./public-key.ts";
import { parseSignature, type Signature, SignatureType } from "./signature.ts";

export interface UserId {
  /** A user attribute holds a picture. It can carry the primary key's flags and expiry just as a user ID can. */
  readonly kind: "user-id" | "attribute";
  readonly bytes: Uint8Array;
  readonly signatures: readonly Signature[];
}

export interface Subkey {
  readonly key: PublicKey;
  readonly signatures: readonly Signature[];
}

export interface OpenPgpCertificate {
  readonly primary: PublicKey;
  /** Direct-key signatures and key revocations. */
  readonly signatures: readonly Signature[];
  readonly userIds: readonly UserId[];
  readonly subkeys: readonly Subkey[];
  /** The primary key's. */
  readonly fingerprint: OpenPgpFingerprint;
  /**
   * Key revocations that came in the same input without a key (`gpg --gen-revoke` writes such a block). They are
   * on each certificate of that input, and whoever holds the key they name has to heed them.
   */
  readonly looseRevocations: readonly Signature[];
}

/** Enough for a distribution's whole keyring in one file. */
const LIMITS = { bytes: 64 * 1024 * 1024, packets: 500_000 };

/**
 * The certificates of one input: binary, or any number of armored blocks, with as many certificates in each as
 * follow one another. At least one. Text around armored blocks is passed over. Throws `FormatError`.
 */
export function parseCertificates(bytes: Uint8Array): OpenPgpCertificate[] {
  if (bytes.length > 2 * LIMITS.bytes) throw new FormatError("openpgp", "input", 0, "is too long");
  const blocks = isArmored(bytes)
    ? decodeArmor(bytes, "PUBLIC KEY BLOCK", { surroundingText: true })
    : [bytes];
  const reader = new CertificateReader();
  for (const block of blocks) reader.read(block);
  if (reader.certificates.length === 0) throw new FormatError("openpgp", "certificate", 0, "there is none");
  return reader.certificates;
}

interface Draft extends OpenPgpCertificate {
  readonly primary: PublicKey;
  readonly signatures: Signature[];
  readonly userIds: UserId[];
  readonly subkeys: Subkey[];
}

class CertificateReader {
  readonly certificates: Draft[] = [];
  readonly #looseRevocations: Signature[] = [];
  /** Where the next signature belongs: to the component read last. */
  #signatures: Signature[] | undefined;

  read(block: Uint8Array): void {
    this.#signatures = undefined;
    for (const packet of readPackets(block, LIMITS)) {
      if (!isIgnorable(packet)) this.#readPacket(packet);
    }
  }

  #readPacket(packet: Packet): void {
    if (packet.tag === PacketTag.publicKey) this.#readPrimary(packet);
    else if (packet.tag === PacketTag.publicSubkey) this.#readSubkey(packet);
    else if (packet.tag === PacketTag.userId || packet.tag === PacketTag.userAttribute)
      this.#readUserId(packet);
    else if (packet.tag === PacketTag.signature) this.#readSignature(packet);
    else if (packet.tag === PacketTag.secretKey || packet.tag === PacketTag.secretSubkey) {
      refuse(packet, "is a secret key; a certificate holds public ones");
    } else refuse(packet, `of type ${packet.tag} has no place in a certificate`);
  }

  #readPrimary({ body }: Packet): void {
    const primary = parsePublicKey(body);
    this.#signatures = [];
    this.certificates.push({
      primary,
      fingerprint: primary.fingerprint,
      signatures: this.#signatures,
      userIds: [],
      subkeys: [],
      looseRevocations: this.#looseRevocations,
    });
  }

  #readSubkey(packet: Packet): void {
    const { primary, subkeys } = this.#certificate(packet);
    const key = parsePublicKey(packet.body);
    // RFC 9580 section 10.1.1: the subkeys of a certificate have its primary key's version.
    if (key.version !== primary.version)
      refuse(packet, "is a subkey of another version than its primary key");
    this.#signatures = [];
    subkeys.push({ key, signatures: this.#signatures });
  }

  #readUserId(packet: Packet): void {
    const { userIds } = this.#certificate(packet);
    this.#signatures = [];
    userIds.push({
      kind: packet.tag === PacketTag.userId ? "user-id" : "attribute",
      bytes: packet.body.bytes,
      signatures: this.#signatures,
    });
  }

  #readSignature(packet: Packet): void {
    const signature = parseSignature(packet.body);
    // Section 5.2: signatures of an unknown version are to be ignored.
    if (signature.kind === "opaque") return;
    if (this.#signatures !== undefined) this.#signatures.push(signature);
    else if (signature.type === SignatureType.keyRevocation) this.#looseRevocations.push(signature);
    else refuse(packet, "is a signature before any key");
  }

  /** Each block of armor opens its own certificate: a component never joins the block before. */
  #certificate(packet: Packet): Draft {
    const certificate = this.certificates.at(-1);
    if (certificate === undefined || this.#signatures === undefined)
      refuse(packet, "stands before any primary key");
    return certificate;
  }
}

function refuse(packet: Packet, problem: string): never {
  throw new FormatError("openpgp", "packet", packet.offset, problem);
}
