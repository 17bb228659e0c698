/**
 * `node bench/conformance/main.ts`: runs every vector against this project and its peers and writes
 * docs/conformance.md. With names of cases: tells the answers to these alone, and writes nothing.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasPeers, ROOT } from "../places.ts";
import { conformancePage } from "./page.ts";
import { askAll, PEER_TOOLS } from "./run.ts";
import { AREAS, askSignatureVectors } from "./signature-vectors.ts";

const asked = process.argv.slice(2).filter((name) => name !== "conformance");
const lines = await askAll(asked);
if (asked.length === 0) writePage();

function writePage(): void {
  if (!hasPeers()) {
    console.error(
      "without the tree of scripts/sid-tree --peers most columns would be missing: nothing is written",
    );
    process.exit(69);
  }
  const own = {
    name: "Firstmile",
    version: "this checkout",
    how: "`authenticateHistory` and `trust add` with `trust update`, as testing/test/conformance does.",
  };
  const peers = PEER_TOOLS.map(({ name, how, version }) => ({ name, how, version: version() }));
  const areas = AREAS.map((area) => ({
    area: area.area,
    tool: area.tool,
    version: area.version(),
    lines: askSignatureVectors(area),
  }));
  writeFileSync(join(ROOT, "docs/conformance.md"), conformancePage([own, ...peers], lines, areas));
}
