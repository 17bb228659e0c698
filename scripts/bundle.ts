/**
 * Bundles the command line into a directory: `node scripts/bundle.ts dist/ID`, with ID from scripts/sources-id. Only
 * `firstmile verify` runs from it, and only while the sources still have that ID: loading a few files instead of some
 * hundred halves its start. The directory appears whole, by rename, or not at all; those a day old are removed.
 */
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const DAY_MS = 86_400_000;
const made = process.argv[2]!;
const part = `${made}.${process.pid}`;

await build({
  entryPoints: {
    main: "packages/local/src/cli/main.ts",
    "check-commits-thread": "packages/local/src/evidence/check-commits-thread.ts",
    "server-main": "packages/local/src/view/server-main.mjs",
  },
  outdir: part,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  logLevel: "error",
  // Dependencies in CommonJS ask for Node's own modules by `require`.
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
});
if (existsSync(made)) rmSync(part, { recursive: true });
else renameSync(part, made);

for (const name of readdirSync(dirname(made))) {
  const old = join(dirname(made), name);
  if (old !== made && Date.now() - statSync(old).mtimeMs > DAY_MS) rmSync(old, { recursive: true });
}
