/**
 * Nix's pre-build hook: asks the gate whether a derivation may be built, and fails in every other case. Plain
 * JavaScript, and one request of HTTP 1.0 by hand, because it starts anew for each build and an HTTP client would take
 * longer to load than the gate to answer. Arguments: the gate's socket, the derivation.
 */
import { connect } from "node:net";

const [, , socketPath, derivation = ""] = process.argv;
const TIMEOUT_MS = 120_000;
const MAX_ANSWER = 1 << 20;

// Whatever ends this process without an answer is a refusal.
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

function answered(text) {
  const [head, body] = text.split("\r\n\r\n", 2);
  let answer;
  try {
    answer = JSON.parse(body);
  } catch {
    return unreachable("its answer cannot be read");
  }
  if (/^HTTP\/1\.[01] 200 /.test(head) && answer.allowed === true) process.exit(0);
  refuse([
    `denied: ${derivation}`,
    String(answer.summary ?? answer.error ?? "no reason given"),
    `for the whole reason: firstmile why ${derivation}`,
  ]);
}

let text = "";
const socket = connect(socketPath, () => {
  socket.write(`GET /build?derivation=${encodeURIComponent(derivation)} HTTP/1.0\r\n\r\n`);
});
socket.setEncoding("utf8");
socket.setTimeout(TIMEOUT_MS, () => unreachable("it did not answer in time"));
socket.on("data", (chunk) => {
  text += chunk;
  if (text.length > MAX_ANSWER) unreachable("its answer is too long");
});
socket.on("end", () => answered(text));
socket.on("error", (error) => unreachable(error.code ?? error.message));
