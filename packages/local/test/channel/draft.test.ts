/** Published slices as statements, within their limits. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { contentsDigest } from "@firstmile/formats/statement/channel";
import { MAX_STATEMENT, parseStatement, renderStatement } from "@firstmile/formats/statement/statement";
import { draftChannels } from "@firstmile/local/channel/draft";
import fc from "fast-check";
import { expect, test } from "vitest";

const SAID = {
  commit: "a".repeat(40) as CommitId,
  source: "pkgs",
  attributes: ["default.nix -A hello"],
  system: "x86_64-linux",
};
const file = (path: string) => ({ path, mode: 0o100644, sha256: path.length.toString(16).padStart(64, "0") });

test("one statement where one suffices, whose files are in order", () => {
  const files = ["b.nix", "a.nix", "a/b.nix"].map(file);
  const [draft, ...more] = draftChannels(SAID, files);
  expect(more).toEqual([]);
  expect(draft!.paths).toEqual(["a.nix", "a/b.nix", "b.nix"]);
  expect(draft!.contents).toBe(contentsDigest([files[1]!, files[2]!, files[0]!]));
});

test("several where one would be too long, by number or by bytes: each file once, each statement its own digest", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 45_000 }), fc.integer({ min: 1, max: 60 }), (count, width) => {
      const files = Array.from({ length: count }, (_, i) =>
        file(`${String(i).padStart(6, "0")}${"x".repeat(width)}`),
      );
      const drafts = draftChannels(SAID, files);
      expect(drafts.flatMap(({ paths }) => paths)).toEqual(files.map(({ path }) => path));
      const digests = new Map(files.map((one) => [one.path, one]));
      for (const draft of drafts) {
        const payload = renderStatement(draft);
        expect(payload.length).toBeLessThanOrEqual(MAX_STATEMENT);
        expect(parseStatement(payload).kind).toBe("channel");
        expect(draft.contents).toBe(contentsDigest(draft.paths.map((path) => digests.get(path)!)));
      }
    }),
    { numRuns: 5 },
  );
}, 60_000);

test("what no statement can say is refused", () => {
  expect(() => draftChannels({ ...SAID, attributes: ["é"] }, [file("a")])).toThrow(/ASCII/);
  expect(() => draftChannels(SAID, [])).toThrow(/none/);
});
