/** What the machine's cores can verify at most: the bare primitive in as many threads, nothing around it. */
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

const SECONDS = 2;

/** Ed25519 verifications a second over 64 bytes, of all cores together. */
export async function rawEd25519Rate(): Promise<number> {
  const rates = await Promise.all(Array.from({ length: availableParallelism() }, oneThread));
  return rates.reduce((sum, rate) => sum + rate, 0);
}

function oneThread(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  new Worker(new URL(import.meta.url)).once("message", resolve).once("error", reject);
  return promise;
}

function rateHere(): number {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const message = Buffer.alloc(64, 7);
  const signature = sign(null, message, privateKey);
  let count = 0;
  const start = performance.now();
  for (; performance.now() - start < SECONDS * 1000; count++) verify(null, message, publicKey, signature);
  return count / ((performance.now() - start) / 1000);
}

if (!isMainThread) parentPort?.postMessage(rateHere());
