/** Reports as forges take them: nothing that a change brings along becomes markup. */
import { markdownReport } from "@firstmile/local/checking/markdown";
import { type CheckFinding, type CheckReport, waitingFor } from "@firstmile/local/checking/report";
import { sarifReport } from "@firstmile/local/checking/sarif";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const finding: CheckFinding = {
  code: "not-covered",
  path: "pkgs/hello.nix",
  line: 7,
  message: "role reader has not read it",
  remedy: "bob reads it",
  who: [["bob"], ["carol", "dora"]],
};

function report(findings: readonly CheckFinding[] = [finding]): CheckReport {
  const ids = { base: "a".repeat(40) as never, head: "b".repeat(40) as never };
  return { source: "pkgs", ...ids, change: { files: 1, added: 2, removed: 3 }, findings, slices: [] };
}

describe("Markdown", () => {
  test("names file, line, code and who can help", () => {
    const text = markdownReport(report());
    expect(text).toContain("### Firstmile: ❌ 1 finding\n");
    expect(text).toContain(
      "| `pkgs/hello.nix:7` | `not-covered` | role reader has not read it<br>bob reads it |",
    );
    expect(text).toContain("- **bob** could read 1 file");
  });

  test("says so where nothing is open", () => {
    expect(markdownReport(report([]))).toContain("### Firstmile: ✅ Nothing is open\n");
  });

  test.each(["|", "`", "``", "\n", "<img src=x>", "[x](y)", "@all", "&lt;"])(
    "%j in a file's name or a message stays what it is",
    (nasty) => {
      const path = `a${nasty}b`;
      const text = markdownReport(report([{ ...finding, path, message: path, remedy: undefined, who: [] }]));
      const row = text.split("\n").find((line) => line.includes("`not-covered`"))!;
      // Four bars that are not escaped: the cells' own.
      expect(row.replaceAll("\\|", "").split("|")).toHaveLength(5);
      const message = row.slice(row.indexOf("`not-covered`") + 13);
      expect(message).not.toMatch(/[^\\](?:<img|\[x\]\(|@all|&lt;)/);
    },
  );
});

describe("SARIF", () => {
  test("points at the line, with the rule's own number", () => {
    const made = sarifReport(
      report([finding, { ...finding, code: "distrusted", path: undefined }]),
      "1",
    ) as never as {
      runs: [{ results: Record<string, never>[]; tool: { driver: { rules: { id: string }[] } } }];
    };
    const [{ results, tool }] = made.runs;
    expect(tool.driver.rules.map(({ id }) => id)).toEqual(["distrusted", "not-covered"]);
    expect(results[0]).toMatchObject({
      ruleId: "not-covered",
      ruleIndex: 1,
      level: "error",
      locations: [
        { physicalLocation: { artifactLocation: { uri: "pkgs/hello.nix" }, region: { startLine: 7 } } },
      ],
    });
    expect(results[1]).toMatchObject({ ruleId: "distrusted", locations: [] });
  });

  test("any path is a URI that decodes to its bytes", () => {
    const bytes = fc
      .uint8Array({ minLength: 1, maxLength: 40 })
      .map((array) => Buffer.from(array).toString("latin1"));
    fc.assert(
      fc.property(bytes, (path) => {
        const made = JSON.stringify(sarifReport(report([{ ...finding, path }]), "1"));
        const uri = /"uri":"([^"]*)"/.exec(made)![1]!;
        expect(uri).toMatch(/^[A-Za-z0-9._~/%-]+$/);
        const back = uri.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
        expect(back).toBe(path);
      }),
    );
  });
});

test("who could read how much, most first", () => {
  const findings = [finding, { ...finding, who: [["carol"]] }];
  expect([...waitingFor(findings)]).toEqual([
    ["carol", 2],
    ["bob", 1],
    ["dora", 1],
  ]);
});
