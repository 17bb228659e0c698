/** `npm run bench -- gate`: the gate's HTTP core beside an nginx that serves the same files. */
import { absent, type Row } from "../report.ts";
import { narRows } from "./nar.ts";
import { narinfoRows } from "./narinfo.ts";
import { wholeRows } from "./whole.ts";

export async function gateRows(): Promise<Row[]> {
  return [
    ...(await narinfoRows().catch((error: unknown) => [absent("narinfos", error)])),
    ...(await wholeRows().catch((error: unknown) => [absent("the whole gate", error)])),
    ...(await narRows().catch((error: unknown) => [absent("NARs", error)])),
  ];
}
