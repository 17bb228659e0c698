/** CRC-24 as ASCII armor uses it (RFC 9580 section 6.1.1): a check against accidents, not against anyone. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 16;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x800000 ? ((crc << 1) ^ 0x864cfb) & 0xffffff : crc << 1;
  return crc;
});

export function crc24(bytes: Uint8Array): number {
  let crc = 0xb704ce;
  for (const byte of bytes) crc = ((crc << 8) & 0xffffff) ^ TABLE[(crc >>> 16) ^ byte]!;
  return crc;
}
