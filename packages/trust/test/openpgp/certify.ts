/** A writer of certificates with several user IDs and the certifications of others, the hostile ones included. */
import {
  type ForgedKey,
  type ForgedSubkey,
  forgeCertificate,
  forgeSignature,
  keyFlags,
  keyFrame,
  packet,
  type SignatureOptions,
} from "./forge.ts";

export interface ForgedUserId {
  readonly text: string | Buffer;
  /** The owner's own certification; `null` for none. */
  readonly self?: SignatureOptions | null;
  /** Whole packets, after the owner's own: certifications by others and what takes them back. */
  readonly others?: readonly Buffer[];
}

export interface ForgedCandidate {
  readonly key: ForgedKey;
  readonly userIds: readonly ForgedUserId[];
  readonly flags?: number;
  readonly revocations?: readonly SignatureOptions[];
  readonly subkeys?: readonly ForgedSubkey[];
}

/** A binary certificate with user IDs and the certifications on them. */
export function forgeCandidate({ key, userIds, flags = 3, revocations = [], subkeys = [] }: ForgedCandidate) {
  const plain = forgeCertificate({ primary: key }).length;
  return Buffer.concat([
    packet(6, key.body),
    ...revocations.map((one) => forgeSignature(key, keyFrame(key.body), { type: 0x20, ...one })),
    ...userIds.map(({ text, self = {}, others = [] }) =>
      Buffer.concat([
        packet(13, Buffer.from(text)),
        ...(self === null
          ? []
          : [
              certify(key, key, text, {
                type: 0x13,
                ...self,
                hashed: [keyFlags(flags), ...(self.hashed ?? [])],
              }),
            ]),
        ...others,
      ]),
    ),
    forgeCertificate({ primary: key, subkeys }).subarray(plain),
  ]);
}

/** A signature packet of `certifier` over the key and user ID of another: a generic certification unless told. */
export function certify(
  certifier: ForgedKey,
  key: ForgedKey,
  text: string | Buffer,
  options: SignatureOptions = {},
): Buffer {
  const userId = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(userId.length);
  const over = Buffer.concat([keyFrame(key.body), Buffer.of(0xb4), length, userId]);
  return forgeSignature(certifier, over, { type: 0x10, ...options });
}
