/** `npm run bench -- slice`: views and slices, coverage, finding what an unsigned file came from, NAR hashes. */
import { absent, type Row } from "../report.ts";
import { decidingRows } from "./deciding.ts";
import { narHashRows } from "./nar-hash.ts";
import { nearestRows } from "./nearest.ts";
import { viewRows } from "./view.ts";

const PARTS: Readonly<Record<string, () => Promise<Row[]>>> = {
  views: viewRows,
  "deciding coverage": decidingRows,
  "nearest signed file": nearestRows,
  "NAR hash from Git": narHashRows,
};

export async function sliceRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, measure] of Object.entries(PARTS))
    rows.push(...(await measure().catch((error: unknown) => [absent(name, error)])));
  return rows;
}
