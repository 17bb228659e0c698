/**
 * Co-authors against `git interpret-trailers --parse`: each person whom Git reads out of a message has had a part in the commit,
 * however the trailer is folded, spelt and surrounded.
 */
import { spawnSync } from "node:child_process";
import { parseCommit } from "@firstmile/formats/git/commit";
import { peopleByEmail, whoWrote } from "@firstmile/trust/history/people";
import type { Policy, Principal } from "@firstmile/trust/policy/policy";
import fc from "fast-check";
import { expect, test } from "vitest";

const ADDRESSES = {
  bob: "bob@example.org",
  carol: "carol+git@users.example.org",
  bot: "1+app[bot]@users.example.org",
};
const principals = new Map(
  Object.entries(ADDRESSES).map(([name, email]) => [name, { name, emails: [email] } as unknown as Principal]),
) as unknown as Policy["principals"];
const byEmail = peopleByEmail({ principals });

function found(message: string): readonly string[] {
  const who = "M <mallory@example.org> 1 +0000";
  const text = `tree ${"1".repeat(40)}\nauthor ${who}\ncommitter ${who}\n\n${message}`;
  return whoWrote(parseCommit(Buffer.from(text)), byEmail);
}

/** Those whose address stands in a `Co-authored-by` as Git has read it, alone or between brackets. */
function foundByGit(message: string): string[] {
  const env = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
  const read = spawnSync("git", ["interpret-trailers", "--parse"], { input: message, env, cwd: "/" });
  const lines = read.stdout.toString().split("\n");
  const values = lines.flatMap((line) => /^co-authored-by *: *(.*)$/i.exec(line)?.[1] ?? []);
  const words = values.flatMap((value) => value.toLowerCase().split(/[ \t\r\v\f<>,;()]+/));
  return Object.entries(ADDRESSES).flatMap(([name, email]) => (words.includes(email) ? [name] : []));
}

const spelling = (text: string) =>
  fc.constantFrom(
    text,
    text.toUpperCase(),
    text.replace(/^./, (letter) => letter.toUpperCase()),
  );
const blank = fc.constantFrom("", " ", "\t", "\n ", "\n\t ", "\r\n ", " \n  \n ", "\n\v ");
const address = fc.constantFrom(...Object.values(ADDRESSES)).chain(spelling);
const value = fc
  .tuple(
    fc.constantFrom("Bob", "", "B. O'B", "bob at home"),
    blank,
    address,
    fc.constantFrom("<>", "", "<", "()"),
    blank,
  )
  .map(
    ([name, before, email, marks, behind]) =>
      `${name}${before}${marks.charAt(0)}${email}${marks.charAt(1)}${behind}`,
  );
const key = fc.constantFrom("co-authored-by", "reviewed-by", "signed-off-by").chain(spelling);
const colon = fc.constantFrom(": ", ":", " : ", "\t:", ":\n ", " :\n\t");
const trailer = fc.tuple(key, colon, value).map((parts) => parts.join(""));
const end = fc.constantFrom("\n", "\n\n", "\r\n", "");
const message = fc
  .tuple(
    fc.constantFrom("x\n\n", "x\n\nbody\n\n", "", "x: y\n\n"),
    fc.array(trailer, { minLength: 1, maxLength: 4 }),
    end,
  )
  .map(([head, trailers, tail]) => `${head}${trailers.join("\n")}${tail}`);

test("each person whom Git finds is found", { timeout: 120_000 }, () => {
  let heard = 0;
  fc.assert(
    fc.property(message, (text) => {
      const git = foundByGit(text);
      heard += git.length;
      expect(found(text)).toEqual(expect.arrayContaining(git));
    }),
    { numRuns: 600 },
  );
  expect(heard).toBeGreaterThan(60);
});

test("no person is found where no line names a co-author", () => {
  const others = fc
    .tuple(
      spelling("signed-off-by").map((text) => `x\n\n${text}: `),
      value,
    )
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(others, (text) => {
      expect(found(text)).toEqual([]);
    }),
  );
});
