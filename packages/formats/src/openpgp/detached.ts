/**
 * Detached signatures: what stands in a `.sig` or `.asc` file beside a tarball, or in a commit's `gpgsig` header.
 */
import { FormatError } from "../bytes/error.ts";
import { decodeArmor, isArmored } from "./armor.ts";
import { isIgnorable, PacketTag, readPackets } from "./packet.ts";
import { parseSignature, type SignaturePacket } from "./signature.ts";

/** A real one has a few hundred bytes; an RSA-16384 one with an embedded certificate's worth of notations, a few KiB. */
const LIMITS = { bytes: 64 * 1024, packets: 100 };

/**
 * Every signature packet of an armored or binary input, in order; at least one. How many are too many is for the
 * caller to say. Throws `FormatError` where anything but signatures is in it.
 */
export function parseDetachedSignature(bytes: Uint8Array): SignaturePacket[] {
  const blocks = isArmored(bytes) ? readArmor(bytes) : [bytes];
  const packets = blocks
    .flatMap((block) => readPackets(block, LIMITS))
    .filter((packet) => !isIgnorable(packet));
  const other = packets.find(({ tag }) => tag !== PacketTag.signature);
  if (other)
    throw new FormatError("openpgp", "packet", other.offset, `of type ${other.tag} is not a signature`);
  if (packets.length === 0) throw new FormatError("openpgp", "signature", 0, "there is none");
  return packets.map(({ body }) => parseSignature(body));
}

function readArmor(bytes: Uint8Array): Uint8Array[] {
  // Twice the binary limit leaves room for base64's third and the header lines.
  if (bytes.length > 2 * LIMITS.bytes)
    throw new FormatError("openpgp", "input", 0, "is too long for a signature");
  return decodeArmor(bytes, "SIGNATURE", { surroundingText: false });
}
