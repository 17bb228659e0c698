import { expect, test } from "vitest";
import { digest, type HashName } from "../../src/crypto/hash.ts";

/** Of `abc`: FIPS 180-4 and 202, RFC 1321, RFC 7693, and RIPEMD-160's own paper. */
const ABC: Record<HashName, string> = {
  md5: "900150983cd24fb0d6963f7d28e17f72",
  sha1: "a9993e364706816aba3e25717850c26c9cd0d89d",
  ripemd160: "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc",
  sha224: "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
  sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  sha384: "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
  blake2b512:
    "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
  sha512:
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
  "sha3-256": "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
  "sha3-512":
    "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
};

test.each(Object.entries(ABC))("%s of abc, whole and in parts", (hash, hex) => {
  const name = hash as HashName;
  expect(Buffer.from(digest(name, Buffer.from("abc"))).toString("hex")).toBe(hex);
  const parts = digest(name, Buffer.from("a"), Buffer.alloc(0), Buffer.from("bc"));
  expect(Buffer.from(parts).toString("hex")).toBe(hex);
  expect(digest(name)).toEqual(digest(name, new Uint8Array(0)));
});
