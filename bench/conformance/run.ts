/**
 * Puts every history vector to this project and to its peers. An answer is right, lets through what must be refused,
 * refuses what is good, or is none: the tool has no such rule, or the case no form in which it could be asked.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HistoryVector, parseHistoryVector } from "@firstmile/testing/history-vector";
import { answerTo } from "../../testing/test/conformance/asked.ts";
import { hasPeers, ROOT } from "../places.ts";
import { compared, type Line, type Mark } from "./marks.ts";
import type { Peer } from "./peer.ts";
import { GITTUF } from "./peer-gittuf.ts";
import { GIT_VERIFY, SIGNATURE_TOOLS } from "./peers-git.ts";
import { GUIX, SQ_GIT } from "./peers-sid.ts";
import { layOut } from "./question.ts";

export const PEER_TOOLS: readonly Peer[] = [
  GIT_VERIFY,
  SIGNATURE_TOOLS,
  ...(hasPeers() ? [SQ_GIT, GUIX, GITTUF] : []),
];

/** One line a vector; the first mark is Firstmile's own, and asks for code and commit as well. */
export async function askAll(names: readonly string[] = []): Promise<Line[]> {
  const dir = join(ROOT, "vectors/history");
  const files = readdirSync(dir).filter((file) => file.endsWith(".txt"));
  const lines: Line[] = [];
  for (const file of files.sort()) {
    const name = file.replace(/\.txt$/, "");
    if (names.length > 0 && !names.includes(name)) continue;
    const vector = parseHistoryVector(readFileSync(join(dir, file), "utf8"));
    lines.push({
      name,
      group: vector.group,
      expect: vector.denied.length === 0 ? "allowed" : "denied",
      marks: [await own(vector), ...PEER_TOOLS.map((peer) => markOf(peer, vector))],
    });
    process.stderr.write(`${name}: ${lines.at(-1)!.marks.join(", ")}\n`);
  }
  return lines;
}

async function own(vector: HistoryVector): Promise<Mark> {
  const { allowed, denied } = await answerTo(vector);
  const good = vector.denied.length === 0;
  if (allowed !== good) return compared(good, allowed);
  return JSON.stringify(denied) === JSON.stringify(vector.denied) ? "right" : "refuses for another reason";
}

function markOf(peer: Peer, vector: HistoryVector): Mark {
  if (!vector.needs.every((need) => peer.notions.has(need))) return "-";
  const dir = mkdtempSync(join(tmpdir(), "conformance-"));
  try {
    const asked = layOut(vector, dir);
    const allowed = asked && peer.ask(asked);
    return allowed === undefined ? "-" : compared(vector.denied.length === 0, allowed);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
