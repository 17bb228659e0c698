/**
 * Nix's pre-build hook: asks the gate whether a derivation may be built, and fails in every other case. Plain
 * JavaScript with one import, because it starts anew for each build. Arguments: the gate's socket, the derivation.
 */
import { request } from "node:http";

const [, , socketPath, derivation] = process.argv;
const TIMEOUT_MS = 120_000;

// A gate that dies in the middle of its answer leaves nothing to wait for: Node.js then ends by itself, and would
// do so with 0, which Nix takes for a yes.
process.exitCode = 1;

function refuse(lines) {
  process.stderr.write(`${lines.map((line) => `firstmile: ${line}`).join("\n")}\n`);
  process.exit(1);
}

function unreachable(problem) {
  refuse([
    `gate-unreachable: the gate cannot be asked about ${derivation}: ${problem}`,
    "nothing is built without it; start it with: firstmile gate",
  ]);
}

function answered(status, text) {
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    return unreachable("its answer cannot be read");
  }
  if (status === 200 && answer.allowed === true) process.exit(0);
  refuse([
    `denied: ${derivation}`,
    String(answer.summary ?? "no reason given"),
    `for the whole reason: firstmile why ${derivation}`,
  ]);
}

const path = `/build?derivation=${encodeURIComponent(derivation ?? "")}`;
const asking = request({ socketPath, path, timeout: TIMEOUT_MS }, (response) => {
  let text = "";
  response.setEncoding("utf8");
  response.on("data", (chunk) => {
    text += chunk;
    if (text.length > 1 << 20) unreachable("its answer is too long");
  });
  response.on("end", () => answered(response.statusCode, text));
  response.on("aborted", () => unreachable("it broke off"));
});
asking.on("error", (error) => unreachable(error.code ?? error.message));
asking.on("upgrade", () => unreachable("it does not speak HTTP"));
asking.on("timeout", () => unreachable("it did not answer in time"));
asking.end();
