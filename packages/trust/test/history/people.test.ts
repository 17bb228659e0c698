/** Finding who had a part in a commit must not depend on how its maker wrote it down. */
import { parseCommit } from "@firstmile/formats/git/commit";
import { describe, expect, test } from "vitest";
import { peopleByEmail, whoWrote } from "../../src/history/people.ts";
import type { Policy, Principal } from "../../src/policy/policy.ts";

const principals = new Map(
  [
    ["alice", ["Alice@Example.org", "alice@home.example"]],
    ["bob", ["bob@example.org"]],
    ["jürgen", ["jürgen@example.org"]],
  ].map(([name, emails]) => [name, { name, emails } as unknown as Principal]),
) as unknown as Policy["principals"];
const byEmail = peopleByEmail({ principals });

function wrote(author: string, committer: string, message: string): readonly string[] {
  const lines = [`tree ${"1".repeat(40)}`, `author ${author}`, `committer ${committer}`];
  return whoWrote(parseCommit(Buffer.from(`${lines.join("\n")}\n\n${message}`)), byEmail);
}

const STRANGER = "Mallory <mallory@example.org> 1 +0000";

describe("whoWrote", () => {
  test.each<[string, string, string, string, readonly string[]]>([
    ["nobody the policy names", STRANGER, STRANGER, "x\n", []],
    ["the author", "A <alice@example.org> 1 +0000", STRANGER, "x\n", ["alice"]],
    ["in other case", "A <ALICE@HOME.example> 1 +0000", STRANGER, "x\n", ["alice"]],
    ["the committer", STRANGER, "B <bob@example.org> 1 +0000", "x\n", ["bob"]],
    ["both, each once", "A <alice@example.org> 1 +0000", "A <alice@home.example> 1 +0000", "", ["alice"]],
    ["a co-author", STRANGER, STRANGER, "x\n\nCo-authored-by: Bob <bob@example.org>\n", ["bob"]],
    ["in any spelling", STRANGER, STRANGER, "x\n\n  CO-AUTHORED-BY : <BOB@example.org>", ["bob"]],
    ["not in the last paragraph", STRANGER, STRANGER, "Co-authored-by: <bob@example.org>\n\ny\n", ["bob"]],
    ["beyond ASCII", "J <jürgen@example.org> 1 +0000", STRANGER, "x\n", ["jürgen"]],
    ["an address beside the one that Git shows", "A <m@x> <bob@example.org> 1 +0000", STRANGER, "", ["bob"]],
    [
      "folded, as Git reads it",
      STRANGER,
      STRANGER,
      "x\n\nCo-authored-by: Bob\n <bob@example.org>\n",
      ["bob"],
    ],
    [
      "folded twice, in CRLF",
      STRANGER,
      STRANGER,
      "x\n\nCo-authored-by:\r\n\tBob\r\n  <bob@example.org>\r\n",
      ["bob"],
    ],
    ["an address alone", STRANGER, STRANGER, "x\n\nCo-authored-by: bob@example.org\n", ["bob"]],
    [
      "an address among other words",
      STRANGER,
      STRANGER,
      "x\n\nCo-authored-by: Bob (mailto:Bob@example.org), and x\n",
      ["bob"],
    ],
    [
      "two people in one line",
      STRANGER,
      STRANGER,
      "x\n\nCo-authored-by: bob@example.org, Alice <alice@example.org>",
      ["alice", "bob"],
    ],
    [
      "a bracket that does not close",
      STRANGER,
      STRANGER,
      "x\n\nCo-authored-by: Bob <bob@example.org\n",
      ["bob"],
    ],
    [
      "in brackets of another kind",
      STRANGER,
      STRANGER,
      "x\n\nCo-authored-by: Bob [bob@example.org].\n",
      ["bob"],
    ],
    ["brackets within brackets", "A <<bob@example.org>> 1 +0000", STRANGER, "x\n", ["bob"]],
    ["an author's bracket that does not close", "A <bob@example.org 1 +0000", STRANGER, "x\n", ["bob"]],
    ["not a name that looks like an address", "bob@example.org <m@x> 1 +0000", STRANGER, "x\n", []],
    [
      "not the line behind, which is not folded",
      STRANGER,
      STRANGER,
      "x\n\nCo-authored-by: A\nB <bob@example.org>\n",
      [],
    ],
    [
      "not a longer address",
      STRANGER,
      STRANGER,
      "x\n\nCo-authored-by: xbob@example.org, bob@example.organisation\n",
      [],
    ],
    ["not a mere mention", STRANGER, STRANGER, "thanks to <bob@example.org>\n", []],
    ["a line that is no person at all", "bob@example.org", STRANGER, "x\n", []],
  ])("%s", (_, author, committer, message, people) => {
    expect(wrote(author, committer, message)).toEqual(people);
  });

  test("takes time in proportion on messages made to be slow", () => {
    const start = performance.now();
    wrote(
      STRANGER,
      STRANGER,
      `co-authored-by${" ".repeat(1_000_000)}\n${"co-authored-by:<".repeat(100_000)}`,
    );
    const address = [" ".repeat(200_000), ".".repeat(200_000), "(".repeat(200_000), "@".repeat(200_000)].join(
      "x",
    );
    wrote(STRANGER, STRANGER, `co-authored-by: <${address}@${address}x>`);
    wrote(STRANGER, STRANGER, `co-authored-by: ${"a".repeat(400_000)}(${"a@".repeat(200_000)}`);
    wrote(STRANGER, STRANGER, `co-authored-by: ${"\n x".repeat(200_000)}`);
    expect(performance.now() - start).toBeLessThan(4000);
  });
});
