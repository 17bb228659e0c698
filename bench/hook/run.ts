/** `npm run bench -- hook`: what the build hook adds to every build, whole process. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../places.ts";
import { absent, type Row } from "../report.ts";

const HOOK = join(ROOT, "packages/local/src/gate/hook");

export function hookRows(): Row[] {
  if (!existsSync(HOOK)) return [absent("build hook, per build", "there is no hook yet")];
  return [absent("build hook, per build", "no benchmark is written for it yet")];
}
