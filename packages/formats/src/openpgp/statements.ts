/**
 * What a signature states in its hashed area (RFC 9580 section 5.2.3). Said twice is refused where only one of the
 * two could be meant: which one would be each reader's own choice.
 */
import type { ByteReader } from "../bytes/reader.ts";
import { encodeHex, latin1 } from "../bytes/text.ts";
import type { OpenPgpFingerprint } from "./public-key.ts";
import { isUnderstood, type Subpacket, SubpacketType } from "./subpacket.ts";

export interface Notation {
  readonly name: string;
  readonly value: Uint8Array;
  readonly critical: boolean;
}

/** Why a key or certification was revoked (section 5.2.3.31). Code 0 where no reason was given. */
export interface RevocationReason {
  readonly code: number;
  readonly text: Uint8Array;
}

/** What the hashed area may say, with the time it must. */
export interface Statements {
  created: number;
  expiresAfter: number;
  keyFlags: number | undefined;
  keyExpiresAfter: number | undefined;
  revocationReason: RevocationReason | undefined;
  revocationKeys: OpenPgpFingerprint[];
  primaryUserId: boolean;
  notations: Notation[];
  unknownCritical: number[];
}

export const NOTHING_SAID = {
  expiresAfter: 0,
  keyFlags: undefined,
  keyExpiresAfter: undefined,
  revocationReason: undefined,
  revocationKeys: [],
  primaryUserId: false,
  notations: [],
  unknownCritical: [],
} as const;

/** Section 5.2.3.11 and its neighbours: each says one thing, so a second one contradicts or repeats it. */
const ONCE: ReadonlySet<number> = new Set([
  SubpacketType.creationTime,
  SubpacketType.expirationTime,
  SubpacketType.keyExpirationTime,
  SubpacketType.keyFlags,
  SubpacketType.primaryUserId,
  SubpacketType.revocationReason,
  SubpacketType.issuerFingerprint,
]);

export function readStatements(reader: ByteReader, hashed: readonly Subpacket[]): Statements {
  const said: Statements = {
    ...NOTHING_SAID,
    created: -1,
    revocationKeys: [],
    notations: [],
    unknownCritical: [],
  };
  let seen = 0n;
  for (const subpacket of hashed) {
    const bit = 1n << BigInt(subpacket.type);
    if (seen & bit && ONCE.has(subpacket.type))
      subpacket.body.fail(`subpacket ${subpacket.type}`, "stands twice");
    seen |= bit;
    if (subpacket.critical && !isUnderstood(subpacket.type)) said.unknownCritical.push(subpacket.type);
    readStatement(said, subpacket);
  }
  // Section 5.2.3.11: the creation time must be in the hashed area.
  if (said.created < 0) reader.fail("signature creation time", "is not in the hashed area");
  return said;
}

function readStatement(said: Statements, { type, critical, body }: Subpacket): void {
  switch (type) {
    case SubpacketType.creationTime:
      said.created = readTime(body, "signature creation time");
      break;
    case SubpacketType.expirationTime:
      said.expiresAfter = readTime(body, "signature expiration time");
      break;
    case SubpacketType.keyExpirationTime:
      said.keyExpiresAfter = readTime(body, "key expiration time");
      break;
    case SubpacketType.keyFlags:
      // Section 5.2.3.29: octets that are left out are zero.
      said.keyFlags = body.remaining === 0 ? 0 : body.u8("key flags");
      break;
    case SubpacketType.primaryUserId:
      said.primaryUserId = body.u8("primary user ID") !== 0;
      break;
    case SubpacketType.revocationReason:
      said.revocationReason = {
        code: body.u8("revocation reason"),
        text: body.take(body.remaining, "reason"),
      };
      break;
    case SubpacketType.revocationKey:
      said.revocationKeys.push(readRevocationKey(body));
      break;
    case SubpacketType.notation:
      said.notations.push(readNotation(body, critical));
  }
}

function readTime(body: ByteReader, field: string): number {
  const time = body.u32(field);
  body.end(field);
  return time;
}

/** Class, algorithm, then a version 4 fingerprint (section 5.2.3.23). */
function readRevocationKey(body: ByteReader): OpenPgpFingerprint {
  body.take(2, "revocation key class");
  return encodeHex(body.take(20, "revocation key")).toUpperCase() as OpenPgpFingerprint;
}

function readNotation(body: ByteReader, critical: boolean): Notation {
  body.take(4, "notation flags");
  const nameLength = body.u16("notation name length");
  const valueLength = body.u16("notation value length");
  const name = latin1(body.take(nameLength, "notation name"));
  const value = body.take(valueLength, "notation value");
  body.end("notation");
  return { name, value, critical };
}
