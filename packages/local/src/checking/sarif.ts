/** A report in SARIF 2.1.0 (OASIS), which forges show beside the lines of a change. */
import type { CheckFinding, CheckReport } from "./report.ts";

const SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json";

export function sarifReport({ findings, head, source }: CheckReport, version: string): unknown {
  const rules = [...new Set(findings.map(({ code }) => code))].sort();
  return {
    $schema: SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "firstmile",
            version,
            rules: rules.map((id) => ({ id, shortDescription: { text: id.replaceAll("-", " ") } })),
          },
        },
        versionControlProvenance: [{ repositoryUri: `urn:firstmile:source:${source}`, revisionId: head }],
        columnKind: "utf16CodeUnits",
        results: findings.map((finding) => resultOf(finding, rules.indexOf(finding.code))),
      },
    ],
  };
}

function resultOf({ code, path, line, message, remedy }: CheckFinding, ruleIndex: number) {
  const text = remedy === undefined ? message : `${message}\n${remedy}`;
  const place = path === undefined ? [] : [placeOf(path, line)];
  return { ruleId: code, ruleIndex, level: "error", message: { text }, locations: place };
}

function placeOf(path: string, startLine: number) {
  return {
    physicalLocation: {
      artifactLocation: { uri: uriOf(path), uriBaseId: "%SRCROOT%" },
      region: { startLine },
    },
  };
}

/** Bytes as they are, percent-encoded where a URI has it so (RFC 3986). */
function uriOf(path: string): string {
  return path.replace(
    /[^A-Za-z0-9._~/-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
