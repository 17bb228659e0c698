/** Whether this computer has what the demo needs, told before anything is made. */
import { realpathSync } from "node:fs";
import { baseEnvironment } from "./machines.ts";
import { run } from "./processes.ts";
import { NotPossible } from "./workplace.ts";

const PROGRAMS = [
  "nix",
  "nix-build",
  "git",
  "gpg",
  "ssh-keygen",
  "gcc",
  "make",
  "tar",
  "gzip",
  "unshare",
  "mount",
];

/** Throws `NotPossible` with what is missing and what would help. */
export async function checkPrograms(): Promise<void> {
  if (process.platform !== "linux")
    throw new NotPossible("the demo needs Linux", "run it in a virtual machine");
  const where = { cwd: "/", env: baseEnvironment("/") };
  const found = await run(
    ["sh", "-c", `for p in ${PROGRAMS.join(" ")}; do command -v $p >/dev/null || echo $p; done`],
    where,
  );
  const missing = found.stdout.split("\n").filter(Boolean);
  if (missing.length > 0)
    throw new NotPossible(
      `these are not installed: ${missing.join(", ")}`,
      "npm run demo, as root, installs them",
    );
  const nix = (await run(["sh", "-c", "command -v nix"], where)).stdout.trim();
  // A machine of the demo has its own /nix, where such a Nix would not be found.
  if (realpathSync(nix).startsWith("/nix/"))
    throw new NotPossible(
      `${nix} lies in /nix itself`,
      "run it where Nix comes from the distribution, as Debian's nix-bin does",
    );
}
