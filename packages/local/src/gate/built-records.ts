/**
 * Which paths each derivation gave when Nix built it on this machine, as Nix's post-build hook reports it.
 *
 * Claims: a path is recorded for a derivation only if Nix built that derivation here and got that path. Against: a user
 * of the daemon, who may register any realisation, and may add a path by its content with any deriver. Nix counts that
 * path as its own as soon as another derivation gives the same content, and keeps the deriver that the user chose.
 * Only Nix runs the hook, with words of its own, and only its user can write into the directory of the records.
 *
 * Left out: what Nix built before the hook was in nix.conf. Records are never removed.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { baseNameOf, type DrvPath, type StorePath, storeDirOf } from "@firstmile/formats/nix/store-path";
import { makePrivateDirectory } from "./private-directory.ts";
import { readRealisations } from "./realisation-json.ts";

/** Of one derivation. A longer record counts as none. */
const MAX_RECORD_BYTES = 1 << 20;

export class BuiltRecords {
  readonly #dir: string;

  /** Makes the directory, and closes it to everybody else. */
  constructor(dir: string) {
    this.#dir = dir;
    makePrivateDirectory(dir);
  }

  /** The paths of all outputs that Nix got, over all builds of the derivation. */
  gave(derivation: DrvPath): ReadonlySet<StorePath> {
    const bytes = readRecord(join(this.#dir, baseNameOf(derivation)));
    if (bytes.length > MAX_RECORD_BYTES) return new Set();
    return new Set(
      [...bytes.toString().split("\n")].flatMap((line) => pathsIn(line, storeDirOf(derivation))),
    );
  }
}

/** A line is what the hook was given, paths between spaces, or Nix's own JSON of what it recorded. */
function pathsIn(line: string, storeDir: string): StorePath[] {
  if (line.startsWith("[")) return [...readRealisations(line, storeDir).values()];
  return line.split(" ") as StorePath[];
}

function readRecord(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

/**
 * The text of the post-build hook. Its words are quoted for the shell.
 *
 * Old versions of Nix leave out the paths that were not known before the build: there the hook asks for what Nix has
 * just recorded. At that moment no user can have exchanged it: Nix refuses a second record for one output, fails the
 * build where a user's record came first, and holds the path until the hook ends.
 *
 * It asks for floating outputs alone: of another derivation without a record, Nix would begin a build, and wait for the
 * build that waits for this hook.
 *
 * It never fails: Nix would end everything else, and what is not recorded is refused as an input anyway.
 *
 * @param nix absolute path of Nix's program
 */
export function builtHookScript(dir: string, nix: string): string {
  return `#!/bin/sh
umask 077
got=$OUT_PATHS
if [ -z "$got" ] && grep -q '^Derive(\\[("[^"]*","","[^"]' "$DRV_PATH"; then
  got=$(${nix} realisation info --extra-experimental-features 'nix-command ca-derivations' \\
    --offline --json "$DRV_PATH" 2>/dev/null)
fi
printf '%s\\n' "$got" 2>/dev/null >>${dir}/"\${DRV_PATH##*/}" ||
  echo "firstmile: cannot record the build of $DRV_PATH in" ${dir} >&2
exit 0
`;
}
