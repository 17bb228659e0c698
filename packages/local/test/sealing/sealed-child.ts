/**
 * A process of its own that seals one command, told as JSON in its only argument, and says as JSON how it ended. So a
 * test can seal as another user, in another system, or with descriptors that this process was started with.
 */
import { readdirSync } from "node:fs";
import { nixTools } from "../../src/admission/nix-tools.ts";
import { openSeal, type SealRequest } from "../../src/sealing/seal.ts";

export interface ChildRequest extends SealRequest {
  readonly args: readonly string[];
}

export interface ChildAnswer {
  readonly uid: number;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly store: readonly string[];
  /** Paths that were opened in the views, and how that was seen. */
  readonly opened: readonly string[];
  readonly how: string;
}

const request = JSON.parse(process.argv[2]!) as ChildRequest;
const nix = await nixTools(process.env);
await using seal = await openSeal(nix, request);
const { code, stdout, stderr } = await seal.run("nix-instantiate", request.args);
const store = readdirSync(seal.store).filter((name) => !name.startsWith("."));
const opened = (await seal.record()).files.map(({ path }) => path);
const said = { stdout: stdout.toString(), stderr };
const answer: ChildAnswer = { uid: process.getuid!(), code, ...said, store, opened, how: seal.how };
console.log(JSON.stringify(answer));
