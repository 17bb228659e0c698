import { latin1 } from "@firstmile/formats/bytes/text";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { signatureUrl, upstreamFor } from "@firstmile/trust/policy/upstream";
import { canonicalUrl, compileUrlGlob, matchesUrl } from "@firstmile/trust/policy/upstream-urls";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readVectors } from "../../../../testing/src/vectors.ts";

function policyOf(file: string) {
  const { blocks } = readVectors("policy").find((vector) => vector.file === `policy/${file}.txt`)!;
  const result = loadPolicy(new Map([...blocks].filter(([name]) => name !== "defects")));
  if (!result.ok) throw new Error(latin1(blocks.get("defects")!));
  return result.policy;
}

describe("a rule for downloads", () => {
  const { upstreams } = policyOf("upstream-valid");
  const [pinned, hello, openbsd] = upstreams;

  test("is read with its people", () => {
    expect(pinned).toMatchObject({ kind: "pinned", line: 53 });
    expect(hello).toMatchObject({
      kind: "signed",
      author: "gnu-hello",
      signature: "{url}.minisig",
      handoff: { role: "packager" },
      waive: "root",
    });
    expect(openbsd).toMatchObject({ handoff: { role: undefined, group: { any: 1 } }, waive: undefined });
  });

  test.each([
    ["https://ftp.gnu.org/gnu/hello/hello-2.12.tar.gz", 1],
    ["mirror://gnu/hello/hello-2.12.tar.gz", 1],
    ["mirror://gnu/hello/hello-2.12.tar.xz", 0],
    ["mirror://gnu/hello/old/hello-2.12.tar.gz", 0],
    ["https://example.org/gnu/hello/a/b/c", 1],
    ["http://example.org/gnu/hello/a", 0],
    ["https://cdn.openbsd.org/pub/OpenBSD/a", 2],
    ["https://cdn.openbsd.org/pub/OpenBSD/a/b", 0],
    ["https://ftp.gnu.org/gnu/hello", 0],
    [undefined, 0],
  ])("%s falls under rule %i", (url, index) => {
    expect(upstreamFor(url, upstreams)).toBe(upstreams[index]);
  });

  test.each([
    "HTTPS://FTP.GNU.ORG/gnu/hello/hello-2.12.tar.gz",
    "https://ftp.gnu.org:443/gnu/hello/hello-2.12.tar.gz",
    "https://ftp.gnu.org/%67nu/hello/hello-2.12.tar.gz",
    "https://ftp.gnu.org/gnu/hello/hello%2d2.12.tar.gz?download",
  ])("is not got round by spelling: %s", (url) => {
    expect(upstreamFor(url, upstreams)).toBe(hello);
  });

  test.each([
    "https://ftp.gnu.org/gnu/hello/../evil.tar.gz",
    "https://ftp.gnu.org/gnu/other/%2e%2E/hello/a",
    "https://me@ftp.gnu.org/gnu/hello/a",
    "https://ftp.gnu.org/gnu/hello/a b",
    "https://ftp.gnu.org\\@example.org/a",
    "hello-2.12.tar.gz",
    "",
  ])("has no reading, and so no rule: %j", (url) => {
    expect(upstreamFor(url, upstreams)).toBeUndefined();
  });

  test("says where the signature is", () => {
    const url = "https://example.org/a/hello-1.tar.gz?x=1/2";
    expect(signatureUrl("{url}.sig", "https://example.org/h.tar")).toBe("https://example.org/h.tar.sig");
    expect(signatureUrl("https://s.example.org/{name}/{name}.asc", url)).toBe(
      "https://s.example.org/hello-1.tar.gz/hello-1.tar.gz.asc",
    );
    expect(signatureUrl("{url}", "https://e/{name}")).toBe("https://e/{name}");
  });

  test("is there only where it is written, as is one for bumps", () => {
    const [rule] = policyOf("upstream-valid").sources.get("nixpkgs" as never)!.rules;
    expect(rule!.review).toMatchObject({ role: "packager", bump: "upstream-signed" });
    expect(policyOf("valid").upstreams).toEqual([]);
  });
});

describe("URLs", () => {
  const segment = fc.stringMatching(/^[a-z0-9._~-]{1,8}$/).filter((text) => !/^\.{1,2}$/.test(text));
  const url = fc
    .record({ host: fc.stringMatching(/^[a-z0-9.-]{1,10}$/), path: fc.array(segment, { minLength: 1 }) })
    .map(({ host, path }) => `https://${host}/${path.join("/")}`);

  test("have one spelling", () => {
    fc.assert(
      fc.property(url, (text) => {
        const shouted = text.replace(/^https:\/\/[^/]*/, (part) => part.toUpperCase());
        const escaped = text.replace(/[a-z0-9._~-](?=[^/]*$)/, (c) => `%${c.charCodeAt(0).toString(16)}`);
        expect(canonicalUrl(text)).toBe(text);
        expect(canonicalUrl(shouted)).toBe(text);
        expect(canonicalUrl(escaped)).toBe(text);
      }),
    );
  });

  test("match themselves as globs, whatever is below by **, and nothing longer", () => {
    fc.assert(
      fc.property(url, segment, (text, more) => {
        const [exact, below] = [compileUrlGlob(text), compileUrlGlob(`${text}/**`)];
        if (typeof exact === "string" || typeof below === "string") throw new Error("no glob");
        expect(matchesUrl(exact, text)).toBe(true);
        expect(matchesUrl(exact, `${text}/${more}`)).toBe(false);
        expect(matchesUrl(below, `${text}/${more}`)).toBe(true);
        expect(matchesUrl(below, text)).toBe(false);
      }),
    );
  });
});
