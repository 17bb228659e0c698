/** `npm run bench -- slice`: trees, and finding what an unsigned file came from. */
import { absent, type Row } from "../report.ts";
import { narHashRows } from "./nar-hash.ts";
import { nearestRows } from "./nearest.ts";

const PARTS: Readonly<Record<string, () => Promise<Row[]>>> = {
  "nearest signed file": nearestRows,
  "NAR hash from Git": narHashRows,
};

export async function sliceRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, measure] of Object.entries(PARTS))
    rows.push(...(await measure().catch((error: unknown) => [absent(name, error)])));
  return rows;
}
