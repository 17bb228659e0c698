import type { HeaderSpan } from "./headers.ts";

/** The bytes outside the spans: what Git signs when the spans are an object's signature headers. */
export function without(bytes: Buffer, spans: readonly HeaderSpan[]): Uint8Array {
  if (spans.length === 0) return bytes;
  const sorted = spans.toSorted((a, b) => a.start - b.start);
  const kept = sorted.map((span, i) => bytes.subarray(sorted[i - 1]?.end ?? 0, span.start));
  return Buffer.concat([...kept, bytes.subarray(sorted.at(-1)!.end)]);
}
