/** What a handoff proves, by kind of signature, with the source at hand and without it. */
import { latin1 } from "@firstmile/formats/bytes/text";
import { hashObject, type ObjectId } from "@firstmile/formats/git/object-id";
import { narHashOf } from "@firstmile/formats/nix/hash";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { parseNumberedKey } from "@firstmile/formats/signify/key";
import { parseSshPublicKey } from "@firstmile/formats/ssh/public-key";
import type {
  HandoffStatement,
  Release,
  ReleasedFile,
  SignedRelease,
} from "@firstmile/formats/statement/handoff";
import { Author } from "@firstmile/testing/release-author";
import { authorKeys } from "@firstmile/trust/handoff/author";
import { checkAuthorSignature } from "@firstmile/trust/handoff/author-signature";
import { checkHandoff, type HandoffContent } from "@firstmile/trust/handoff/verify";
import type { Operator, PrincipalName } from "@firstmile/trust/policy/names";
import type { Key, KeyEvent } from "@firstmile/trust/policy/policy";
import { describe, expect, test } from "vitest";
import { readVectors } from "../../../../testing/src/vectors.ts";
import { DAY, forgeCertificate, forgeKey, forgeSignature, keyExpiry, NOW } from "../openpgp/forge.ts";
import { ed25519, type ForgedKey, sshsig } from "../ssh/forge.ts";
import { released } from "./world.ts";

const SOURCE = Buffer.from("the source of hello\n");
const NAME = "hello-1.0.tar.gz";
const file: ReleasedFile = released(SOURCE, NAME);
const bare: ReleasedFile = { ...file, sha512: undefined, blake2b512: undefined };

function author(...keys: readonly Key[]) {
  const name = "hello" as PrincipalName;
  const principal = { name, emails: [], operator: name as string as Operator, keys };
  return authorKeys({ principals: new Map([[name, principal]]) }, name)!;
}

function numbered(kind: "minisign" | "signify", by: Author, life: readonly KeyEvent[] = []): Key {
  return { kind, ...parseNumberedKey(by.listed(kind).slice(kind.length + 1), kind), life };
}

function statement(release: Partial<SignedRelease> & Pick<SignedRelease, "signature">): HandoffStatement {
  const whole = {
    kind: "file" as const,
    file,
    becomes: "file" as const,
    signed: { kind: "file" as const },
    ...release,
  };
  const output = { kind: "file" as const, sha256: whole.file.sha256, sha512: undefined };
  return { kind: "handoff", output, urls: ["https://example.org/x"], release: whole };
}

function told(of: HandoffStatement, keys: ReturnType<typeof author>, content?: HandoffContent): string {
  const check = checkHandoff(of, keys, NOW, content);
  return check.ok
    ? `${check.rests}${check.lapsed === undefined ? "" : " lapsed"}`
    : `${check.code}: ${check.message}`;
}

describe.each(["minisign", "signify"] as const)("vectors of %s", (kind) => {
  test.each(readVectors(kind))("$file", ({ blocks, expect: claim }) => {
    const line = latin1(blocks.get("key")!).split("\n")[1]!;
    const keys = author({ kind, ...parseNumberedKey(line, kind), life: [] });
    const signed = { bytes: blocks.get("message")!, name: "hello-1.0.tar" };
    const check = checkAuthorSignature({ kind, bytes: blocks.get("signature")! }, signed, keys, NOW);
    const codes = ["valid", "bad-signature", "unknown-key", "malformed-signature"];
    const code = check.ok ? "valid" : check.signature;
    expect(code).toBe(codes.includes(claim) ? claim : "malformed-signature");
  });
});

describe("minisign", () => {
  const by = new Author("0102030405060708");
  const keys = author(numbered("minisign", by));
  const prehashed = statement({ signature: { kind: "minisign", bytes: by.minisig(SOURCE, NAME) } });
  const legacy = statement({
    signature: { kind: "minisign", bytes: by.minisig(SOURCE, NAME, { legacy: true }) },
  });

  test("is checked over the source, or over its BLAKE2b, or by its trusted comment alone", () => {
    expect(told(prehashed, keys, { file: SOURCE })).toBe("content");
    expect(told(prehashed, keys)).toBe("digest");
    expect(told(legacy, keys, { file: SOURCE })).toBe("content");
    expect(told(legacy, keys)).toBe("claim");
  });

  test("of another file is refused by its trusted comment, without the source", () => {
    const other = statement({
      signature: { kind: "minisign", bytes: by.minisig(SOURCE, "hello-0.9.tar.gz", { legacy: true }) },
    });
    expect(told(other, keys)).toContain("names the file hello-0.9.tar.gz");
  });

  test("with a trusted comment of somebody else is refused without the source", () => {
    const forged = latin1(by.minisig(SOURCE, NAME, { legacy: true })).replace("timestamp:1", "timestamp:2");
    const of = statement({ signature: { kind: "minisign", bytes: Buffer.from(forged) } });
    expect(told(of, keys)).toContain("trusted comment that this key did not sign");
  });

  test("by a key that root calls compromised, or retired, is refused", () => {
    for (const event of [
      { kind: "compromised", reason: "stolen" },
      { kind: "retired", after: ["a".repeat(40)] },
    ] as unknown as KeyEvent[]) {
      const ended = author(numbered("minisign", by, [{ ...event, key: undefined }]));
      expect(told(prehashed, ended), event.kind).toContain("handoff-invalid");
    }
  });
});

describe("signify", () => {
  const by = new Author("0102030405060708");
  const keys = author(numbered("signify", by));
  const of = statement({ file: bare, signature: { kind: "signify", bytes: by.signify(SOURCE) } });

  test("is checked over the source, and without it by whose key it names", () => {
    expect(told(of, keys, { file: SOURCE })).toBe("content");
    expect(told(of, keys)).toBe("claim");
    expect(told(of, author(numbered("signify", new Author("ff02030405060708"))))).toContain("not-the-author");
  });

  test("is no signature of minisign, though the key is the same", () => {
    expect(told(of, author(numbered("minisign", by)))).toContain("not-the-author");
  });
});

describe("OpenPGP", () => {
  const primary = forgeKey("ed25519");
  const certificate = (self = {}) => parseCertificates(forgeCertificate({ primary, self }))[0]!;
  const key = (self = {}, life: readonly KeyEvent[] = []): Key => ({
    kind: "openpgp",
    file: "keys/a.asc",
    certificate: certificate(self),
    life,
  });
  const of = (bytes: Buffer) => statement({ file: bare, signature: { kind: "openpgp", bytes } });
  const good = of(forgeSignature(primary, SOURCE));

  test("is checked over the source, and without it by whose key it claims", () => {
    expect(told(good, author(key()), { file: SOURCE })).toBe("content");
    expect(told(good, author(key()))).toBe("claim");
  });

  test("over another file shows only with the source", () => {
    const other = of(forgeSignature(primary, Buffer.from("other")));
    expect(told(other, author(key()))).toBe("claim");
    expect(told(other, author(key()), { file: SOURCE })).toContain("is not by");
  });

  test("of a stranger is refused without the source", () => {
    const stranger = of(forgeSignature(forgeKey("ed25519"), SOURCE));
    expect(told(stranger, author(key()))).toContain("not-the-author");
  });

  test("over SHA-1, as text, or in two is refused without the source", () => {
    for (const bytes of [
      forgeSignature(primary, SOURCE, { hash: "sha1" }),
      forgeSignature(primary, SOURCE, { type: 1 }),
      Buffer.concat([forgeSignature(primary, SOURCE), forgeSignature(primary, SOURCE)]),
    ])
      expect(told(of(bytes), author(key()))).toContain("handoff-invalid");
  });

  test("by a key that will end says when, with the source at hand and without", () => {
    const by = author(key({ hashed: [keyExpiry(365 * 100 * DAY)] }));
    for (const content of [{}, { file: SOURCE }]) {
      const check = checkHandoff(good, by, NOW, content);
      expect(check).toMatchObject({ ok: true });
      expect(check.ok && check.until).toBeGreaterThan(NOW);
    }
    const lasting = checkHandoff(good, author(key()), NOW, { file: SOURCE });
    expect(lasting).not.toHaveProperty("until");
  });

  test("by a key that has expired since counts, and is told; by one that root retired it does not", () => {
    const ended = key({ hashed: [keyExpiry(DAY)] });
    expect(told(good, author(ended), { file: SOURCE })).toBe("content lapsed");
    expect(told(good, author(ended))).toBe("claim lapsed");
    const retired = { kind: "retired", after: ["a".repeat(40)], key: undefined } as unknown as KeyEvent;
    expect(told(good, author(key({ hashed: [keyExpiry(DAY)] }, [retired])))).toContain("handoff-invalid");
  });
});

describe("SSH", () => {
  const by = ed25519();
  const keyOf = (forged: ForgedKey): Key => {
    const line = `${forged.type} ${forged.blob.toString("base64")}`;
    return {
      kind: "ssh",
      file: "keys/a.pub",
      key: parseSshPublicKey(line),
      touch: false,
      pin: false,
      life: [],
    };
  };
  const made = (namespace: string) => Buffer.from(sshsig(by, by.blob, SOURCE, namespace));
  const of = (namespace: string, known = file) =>
    statement({ file: known, signature: { kind: "ssh", bytes: made(namespace) } });

  test("is checked over the source, or over its SHA-512", () => {
    expect(told(of("file"), author(keyOf(by)), { file: SOURCE })).toBe("content");
    expect(told(of("file"), author(keyOf(by)))).toBe("digest");
  });

  test("of another namespace, another key, or over a digest that nobody knows is refused", () => {
    expect(told(of("git"), author(keyOf(by)))).toContain("was made for `git`");
    expect(told(of("file"), author(keyOf(ed25519())))).toContain("not-the-author");
    expect(told(of("file", bare), author(keyOf(by)))).toContain("sha512 that is not known");
  });
});

describe("a signed list", () => {
  const by = new Author("0102030405060708");
  const keys = author(numbered("minisign", by));
  const of = (list: string, known = bare) =>
    statement({
      file: known,
      signed: { kind: "list", list: Buffer.from(list) },
      signature: { kind: "minisign", bytes: by.minisig(Buffer.from(list), "SHA256SUMS") },
    });

  test("proves the source without the source", () => {
    expect(told(of(`${file.sha256}  ${NAME}\n`), keys)).toBe("content");
    expect(told(of(`${file.sha512}  ${NAME}\n`, file), keys)).toBe("digest");
    expect(told(of(`${file.sha256}  ${NAME}\n`), keys, { file: Buffer.from("x") })).toContain(
      "another sha256",
    );
  });

  test.each([
    ["does not name it", `${"0".repeat(64)}  other.tar.gz\n`, "does not name"],
    ["gives it another digest", `${"0".repeat(64)}  ${NAME}\n`, "another sha256"],
    ["names it twice", `${"0".repeat(64)}  ${NAME}\n${file.sha256}  ${NAME}\n`, "second time"],
    [
      "names it in two folders",
      `${"0".repeat(64)}  a/${NAME}\n${file.sha256}  b/${NAME}\n`,
      "several directories",
    ],
    ["names it by a digest that is not held", `${file.sha512}  ${NAME}\n`, "does not hold"],
    ["is none", "hello\n", "no SHA-256"],
  ])("is refused where it %s", (_, list, problem) => {
    expect(told(of(list), keys)).toContain(problem);
  });

  test("that is not what was signed is refused", () => {
    const good = of(`${file.sha256}  ${NAME}\n`).release as SignedRelease;
    const list = Buffer.from(`${file.sha256}  ${NAME}\n${"0".repeat(64)}  more\n`);
    expect(told(statement({ ...good, signed: { kind: "list", list } }), keys)).toContain("handoff-invalid");
  });
});

describe("a signature over the decompressed source", () => {
  const by = new Author("0102030405060708");
  const keys = author(numbered("minisign", by));
  const inner = Buffer.from("the tar");
  const of = (name: string) =>
    statement({
      signed: { kind: "uncompressed" },
      signature: { kind: "minisign", bytes: by.minisig(inner, name) },
    });

  test("is checked where that is at hand, under the name without its end", () => {
    expect(told(of("hello-1.0.tar"), keys, { file: SOURCE, uncompressed: inner })).toBe("content");
    expect(told(of("hello-1.0.tar"), keys)).toBe("claim");
    expect(told(of("hello-0.9.tar"), keys)).toContain("names the file");
    expect(told(of("hello-1.0.tar"), keys, { file: SOURCE, uncompressed: SOURCE })).toContain(
      "handoff-invalid",
    );
  });
});

describe("what a file becomes", () => {
  const by = new Author("0102030405060708");
  const keys = author(numbered("minisign", by));
  const narHash = narHashOf(new Uint8Array(32).fill(1));
  const release: Release = {
    kind: "file",
    file,
    becomes: "tree",
    signed: { kind: "file" },
    signature: { kind: "minisign", bytes: by.minisig(SOURCE, NAME) },
  };
  const of: HandoffStatement = { kind: "handoff", output: { kind: "nar", narHash }, urls: ["x"], release };

  test("is a word until it is worked out from the file", () => {
    expect(told(of, keys)).toBe("claim");
    expect(told(of, keys, { file: SOURCE })).toBe("claim");
    expect(told(of, keys, { file: SOURCE, narHash })).toBe("content");
    expect(told(of, keys, { file: SOURCE, narHash: narHashOf(new Uint8Array(32)) })).toContain(
      "not the subject",
    );
  });
});

describe("a signed tag", () => {
  const by = ed25519();
  const line = `${by.type} ${by.blob.toString("base64")}`;
  const keys = author({
    kind: "ssh",
    file: "keys/a.pub",
    key: parseSshPublicKey(line),
    touch: false,
    pin: false,
    life: [],
  });
  const tree = "1".repeat(40) as ObjectId;
  const commit = Buffer.from(`tree ${tree}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nx\n`);
  const tagText = (object: string, type = "commit") =>
    `object ${object}\ntype ${type}\ntag v1.0\ntagger a <a@b> 1 +0000\n\n1.0\n`;
  const tagOf = (text: string) =>
    Buffer.concat([Buffer.from(text), Buffer.from(sshsig(by, by.blob, Buffer.from(text), "git"))]);
  const id = hashObject("commit", commit, "sha1");
  const of = (tag: Buffer, own = commit): HandoffStatement => ({
    kind: "handoff",
    output: { kind: "nar", narHash: narHashOf(new Uint8Array(32)) },
    urls: ["https://example.org/hello.git"],
    release: { kind: "tag", tag, commit: own },
  });

  test("names its commit and tree, and the output is held against the tree", () => {
    expect(told(of(tagOf(tagText(id))), keys)).toBe("claim");
    expect(told(of(tagOf(tagText(id))), keys, { tree })).toBe("content");
    expect(told(of(tagOf(tagText(id))), keys, { tree: "2".repeat(40) as ObjectId })).toContain(
      "is not the tree",
    );
  });

  test("is refused with another commit, of another kind, unsigned, or by somebody else", () => {
    const other = Buffer.from(commit.toString().replace("x\n", "y\n"));
    expect(told(of(tagOf(tagText(id)), other), keys)).toContain("does not name this commit");
    expect(told(of(tagOf(tagText(id, "tree"))), keys)).toContain("does not name this commit");
    expect(told(of(Buffer.from(tagText(id))), keys)).toContain("0 signatures");
    expect(told(of(Buffer.from("nonsense")), keys)).toContain("handoff-invalid");
    expect(told(of(tagOf(tagText(id))), author())).toContain("not-the-author");
  });
});
