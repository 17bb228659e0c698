import type { Release, SignedRelease } from "@firstmile/formats/statement/handoff";
import { decideDownloads } from "@firstmile/trust/handoff/decide";
import type { Download } from "@firstmile/trust/handoff/download";
import type { VerifiedHandoff } from "@firstmile/trust/handoff/verify";
import { identitiesOf } from "@firstmile/trust/signature/identities";
import { Distrust } from "@firstmile/trust/slice/distrust";
import { Waivers } from "@firstmile/trust/slice/waivers";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import { describe, expect, test } from "vitest";
import { type Author, download, HandoffWorld, hex, NOW, released, URL } from "./world.ts";

const world = new HandoffWorld();
const source = Buffer.from("the source of hello 1.0");
const RULES = `
[[upstream]]
urls = ["**"]
pinned = true
[[upstream]]
urls = ["https://ftp.gnu.org/gnu/hello/**", "mirror://gnu/hello/*"]
author = "hello"
handoff = "packager"
waive = "root"
`;
const policy = world.policy(RULES);

function release(author: Author = world.hello, bytes: Uint8Array = source): SignedRelease {
  const signature = { kind: "minisign" as const, bytes: author.minisig(bytes, "hello-1.0.tar.gz") };
  return { kind: "file", file: released(bytes), becomes: "file", signed: { kind: "file" }, signature };
}

function decide(
  asked: Download,
  handoffs: readonly VerifiedHandoff[],
  by = policy,
  evidence: Partial<Parameters<typeof decideDownloads>[3]> = {},
): Reason {
  return decideDownloads(by, [asked], handoffs, { now: NOW, ...evidence })[0]!;
}

const good = world.handoff(release(), ["alice"]);

describe("a download passes", () => {
  test("where its author's signature was handed on by somebody in the role", () => {
    const reason = decide(download(source), [good]);
    expect(reason).toMatchObject({ ok: true, code: "handed-off" });
    expect(reason.message).toContain("handed on by alice");
    expect(reason.because![0]!.message).toContain("over a digest that they say is of it");
  });

  test("with the source at hand by the source itself", () => {
    const reason = decide(download(source), [good], policy, { contentOf: () => ({ file: source }) });
    expect(reason.because![0]!.message).toContain("was checked against it");
  });

  test("where the rule says that its hash is enough, or there are no such rules", () => {
    const other = download(source, { urls: ["https://example.org/a.tar"] });
    expect(decide(other, [])).toMatchObject({ ok: true, code: "pinned" });
    expect(decide(download(source), [], world.policy(""))).toMatchObject({ ok: true, code: "pinned" });
    expect(decide(download(source, { urls: [] }), [])).toMatchObject({ code: "pinned" });
  });

  test("by its SHA-512 as well", () => {
    const digest = Buffer.from(hex("sha512", source), "hex");
    const reason = decide(download(source, { hash: { algorithm: "sha512", digest } }), [good]);
    expect(reason).toMatchObject({ ok: true, code: "handed-off" });
  });

  test("from a mirror, under the same name", () => {
    const urls = ["mirror://gnu/hello/hello-1.0.tar.gz", URL];
    expect(decide(download(source, { urls }), [good])).toMatchObject({ ok: true, code: "handed-off" });
  });

  test("by two people in two statements, where the rule asks for two", () => {
    const two = world.policy(RULES.replace('"packager"', '"two"'));
    const second = world.handoff(release(), ["bob"]);
    expect(decide(download(source), [good], two)).toMatchObject({ ok: false, code: "no-handoff" });
    expect(decide(download(source), [good, second], two)).toMatchObject({ ok: true, code: "handed-off" });
  });

  test("by a waiver, which is shown for what it is, until it ends", () => {
    const until = (time: number, by = ["alice"]) => ({
      waivers: new Waivers(policy, identitiesOf(policy).ownerOf, [world.waiver(source, by, time)], NOW),
    });
    expect(decide(download(source), [], policy, until(NOW + 1))).toMatchObject({ ok: true, code: "waived" });
    expect(decide(download(source), [], policy, until(NOW))).toMatchObject({
      ok: false,
      code: "waiver-expired",
    });
    expect(decide(download(source), [], policy, until(NOW + 1, ["bob"]))).toMatchObject({
      code: "no-handoff",
    });
  });
});

describe("a download is refused", () => {
  test("where no rule is for it: no-upstream-rule", () => {
    const only = world.policy(RULES.replace('urls = ["**"]', 'urls = ["https://example.org/**"]'));
    const asked = download(source, { urls: ["https://example.com/a"] });
    expect(decide(asked, [], only)).toMatchObject({ ok: false, code: "no-upstream-rule" });
    expect(decide(download(source, { urls: [] }), [], only)).toMatchObject({ code: "no-upstream-rule" });
    const climbing = download(source, { urls: ["https://example.org/../x"] });
    expect(decide(climbing, [])).toMatchObject({ ok: false, code: "no-upstream-rule" });
  });

  test("where one of its URLs has a rule that is not met", () => {
    const urls = ["https://example.org/hello-1.0.tar.gz", URL];
    expect(decide(download(source, { urls }), [])).toMatchObject({ ok: false, code: "no-handoff" });
  });

  test("where nobody handed it on: no-handoff, with the command", () => {
    const reason = decide(download(source), []);
    expect(reason).toMatchObject({ ok: false, code: "no-handoff", remedy: `firstmile handoff ${URL}` });
  });

  test("where the handoff is for another source", () => {
    const other = world.handoff(release(world.hello, Buffer.from("other")), ["alice"]);
    expect(decide(download(source), [other])).toMatchObject({ ok: false, code: "no-handoff" });
  });

  test("where an older release comes under a newer one's name", () => {
    const asked = download(source, { urls: [URL.replace("1.0", "1.1")], name: "hello-1.1.tar.gz" });
    const reason = decide(asked, [good]);
    expect(reason).toMatchObject({ ok: false, code: "no-handoff" });
    expect(reason.message).toContain("handed on as hello-1.0.tar.gz");
  });

  const OLD = "https://ftp.gnu.org/gnu/hello/hello-1.0.tar.gz";
  const NEW = "https://ftp.gnu.org/gnu/hello/hello-2.0.tar.gz";
  test.each<[string, Partial<Download>]>([
    ["as a second URL", { urls: [NEW, OLD] }],
    ["as a second URL, behind", { urls: [OLD, NEW] }],
    ["as a second URL under another rule", { urls: [OLD, "https://example.org/hello-2.0.tar.gz"] }],
    ["as its own name", { name: "hello-2.0.tar.gz" }],
    ["as its own name, unpacked", { name: "hello-2.0" }],
    ["as its own name, with the right one in it", { name: "hello-2.0-1.0.tar.gz" }],
    ["as its own name, with a letter more", { name: "hello-1.0b.tar.gz" }],
    [
      "as its own name, without a URL's last part",
      { urls: ["https://ftp.gnu.org/gnu/hello/"], name: "hello-2.0.tar.gz" },
    ],
    ["in a query", { urls: [`${OLD}?file=hello-2.0.tar.gz`] }],
    ["in a fragment", { urls: [`${OLD}#/hello-2.0.tar.gz`] }],
    ["in an encoded query", { urls: [`${OLD}%3Ffile=hello-2.0.tar.gz`] }],
    ["as an encoded last part", { urls: ["https://ftp.gnu.org/gnu/hello/hello%2D2.0.tar.gz"] }],
    ["as a folder behind a slash", { urls: [`${OLD}/`, OLD] }],
    ["as a folder", { urls: ["https://ftp.gnu.org/gnu/hello/2.0/hello-1.0.tar.gz"] }],
    ["from a mirror", { urls: ["mirror://gnu/hello/hello-2.0.tar.gz"] }],
    ["from a mirror, beside", { urls: [OLD, "mirror://gnu/hello/hello-2.0.tar.gz"] }],
  ])("where a newer one's name is written %s", (_, more) => {
    const handed = world.handoff(release(), ["alice"], { urls: [OLD] });
    expect(decide(download(source), [handed], policy)).toMatchObject({ ok: true });
    const open = world.policy(
      RULES.replace('"mirror://gnu/hello/*"', '"mirror://gnu/hello/*", "https://ftp.gnu.org/gnu/hello/"'),
    );
    expect(decide(download(source, more), [handed], open)).toMatchObject({ ok: false, code: "no-handoff" });
  });

  test("where a file without a version comes from the folder of another", () => {
    const from = (version: string) => `https://ftp.gnu.org/gnu/hello/${version}/hello.tar.gz`;
    const named = { ...release(), file: { ...released(source), name: "hello.tar.gz" } };
    const signature = { kind: "minisign" as const, bytes: world.hello.minisig(source, "hello.tar.gz") };
    const handed = world.handoff({ ...named, signature }, ["alice"], { urls: [from("1.0")] });
    const asked = (url: string) => decide(download(source, { urls: [url], name: "hello.tar.gz" }), [handed]);
    expect(asked(from("1.0"))).toMatchObject({ ok: true, code: "handed-off" });
    expect(asked(from("2.0"))).toMatchObject({ ok: false, code: "no-handoff" });
    expect(asked(from("latest"))).toMatchObject({ ok: false, code: "no-handoff" });
  });

  test("and says that no handoff helps where its names contradict each other", () => {
    const reason = decide(download(source, { urls: [NEW, OLD] }), [good]);
    expect(reason.message).toContain("under different names: hello-2.0.tar.gz and hello-1.0.tar.gz");
    expect(reason.remedy).not.toContain("firstmile handoff");
  });

  test("but not for a name that says nothing else", () => {
    for (const name of ["source", "hello", "hello-1.0", "hello-v1.0.tar.xz", "hello-src"])
      expect(decide(download(source, { name }), [good]), name).toMatchObject({ ok: true });
  });

  test("where another tag of the same repository was handed on", () => {
    const sha = "1".repeat(40);
    const tag = Buffer.from(`object ${sha}\ntype commit\ntag v1.0\ntagger a <a@b> 1 +0000\n\n1.0\n`);
    const urls = ["https://ftp.gnu.org/gnu/hello/hello.git"];
    const handed = world.handoff({ kind: "tag", tag, commit: Buffer.from("x") }, ["alice"], { urls });
    const hash = { algorithm: "sha256" as const, digest: new Uint8Array(32) };
    const asked = (revision: string) =>
      decide(download(source, { urls, method: "nar", hash, revision }), [handed]);
    expect(asked("v1.1")).toMatchObject({ code: "no-handoff" });
    // It is about this one, and its signature is looked at.
    expect(asked("refs/tags/v1.0")).toMatchObject({ code: "handoff-invalid" });
    const newer = { urls, method: "nar", hash, name: "hello-2.0" } as const;
    expect(decide(download(source, newer), [handed])).toMatchObject({ code: "no-handoff" });
    const both = {
      urls: [...urls, "https://ftp.gnu.org/gnu/hello/v1.1.tar.gz"],
      method: "nar",
      hash,
    } as const;
    expect(decide(download(source, both), [handed])).toMatchObject({ code: "no-handoff" });
    const elsewhere = download(source, { urls: [`${urls[0]}x`], method: "nar", hash, revision: "v1.0" });
    expect(decide(elsewhere, [handed])).toMatchObject({ code: "no-handoff" });
  });

  test("where somebody else handed it on", () => {
    const by = (names: string[]) => decide(download(source), [world.handoff(release(), names)]);
    expect(by(["carol"])).toMatchObject({ ok: false, code: "no-handoff" });
    expect(by([])).toMatchObject({ ok: false, code: "no-handoff" });
  });

  test("where another key signed: not-the-author", () => {
    const forged = world.handoff(release(world.stranger), ["alice"]);
    expect(decide(download(source), [forged])).toMatchObject({ ok: false, code: "not-the-author" });
  });

  test("where another key of the same number signed: handoff-invalid", () => {
    const forged = world.handoff(release(world.mallory), ["alice"]);
    expect(decide(download(source), [forged])).toMatchObject({ ok: false, code: "handoff-invalid" });
  });

  test("where the source at hand is not what the statement says", () => {
    const contentOf = () => ({ file: Buffer.from("other") });
    expect(decide(download(source), [good], policy, { contentOf })).toMatchObject({
      code: "handoff-invalid",
    });
  });

  test("by a signature over another digest than the statement's", () => {
    const made = release();
    const lie: Release = { ...made, file: { ...made.file, blake2b512: "0".repeat(128) } };
    expect(decide(download(source), [world.handoff(lie, ["alice"])])).toMatchObject({
      code: "handoff-invalid",
    });
  });

  test("where a warden speaks against it, whoever signed it: distrusted", () => {
    const distrust = new Distrust(policy, [world.distrust(source, ["bob"])]);
    const waivers = new Waivers(
      policy,
      identitiesOf(policy).ownerOf,
      [world.waiver(source, ["alice"], NOW + 9)],
      NOW,
    );
    const reason = decide(download(source), [good], policy, { distrust, waivers });
    expect(reason).toMatchObject({ ok: false, code: "distrusted" });
    const pinned = download(source, { urls: ["https://example.org/a"] });
    expect(decide(pinned, [], policy, { distrust })).toMatchObject({ ok: false, code: "distrusted" });
    const other = new Distrust(policy, [world.distrust(source, ["carol"])]);
    expect(decide(download(source), [good], policy, { distrust: other })).toMatchObject({ ok: true });
  });

  test("but a handoff that nobody of the rules signed does not turn a warden's word against it", () => {
    const archive = Buffer.from("an archive that bob distrusts");
    const distrust = new Distrust(policy, [world.distrust(archive, ["bob"])]);
    const linked = (by: string[]) => {
      const output = { kind: "file" as const, sha256: hex("sha256", source), sha512: undefined };
      return world.handoff({ ...release(), file: released(archive) }, by, { output });
    };
    expect(decide(download(source), [good, linked([])], policy, { distrust })).toMatchObject({ ok: true });
    expect(decide(download(source), [good, linked(["alice"])], policy, { distrust })).toMatchObject({
      code: "distrusted",
    });
  });

  test("nor does one of a person whose handoffs no rule counts", () => {
    const archive = Buffer.from("an archive that bob distrusts");
    const distrust = new Distrust(policy, [world.distrust(archive, ["bob"])]);
    const output = { kind: "file" as const, sha256: hex("sha256", source), sha512: undefined };
    const linked = world.handoff({ ...release(), file: released(archive) }, ["carol"], { output });
    expect(decide(download(source), [good, linked], policy, { distrust })).toMatchObject({ ok: true });
  });

  test("where a warden speaks against the author's key", () => {
    const key = world.hello.listed("minisign");
    const applied = new Distrust(policy, [world.distrustOfKey(key, ["bob"])]).applied(policy);
    const reason = decide(download(source), [good], applied);
    expect(reason).toMatchObject({ ok: false, code: "handoff-invalid" });
    expect(reason.message).toContain("distrusts");
  });

  test("by SHA-1, which names nothing", () => {
    const hash = { algorithm: "sha1" as const, digest: new Uint8Array(20) };
    const reason = decide(download(source, { hash }), [good]);
    expect(reason).toMatchObject({ ok: false, code: "no-handoff", remedy: "pin it by SHA-256" });
  });

  test("with nothing in its message that could move a cursor", () => {
    const asked = download(source, { name: "a\u001b[2J", urls: [] });
    const only = world.policy(RULES.replace('urls = ["**"]', 'urls = ["https://example.org/**"]'));
    expect(decide(asked, [], only).message).not.toContain("\u001b");
  });
});
