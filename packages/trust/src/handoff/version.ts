/**
 * Which of two versions is the later, as `builtins.compareVersions` has it: parts of digits and parts of letters, split
 * at dots and dashes; digits as numbers, `pre` before everything, letters before digits.
 */

/** Whether `to` is later than `from`. */
export function isLaterVersion(from: string, to: string): boolean {
  const [a, b] = [partsOf(from), partsOf(to)];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [old = "", fresh = ""] = [a[i], b[i]];
    if (isBefore(old, fresh)) return true;
    if (isBefore(fresh, old)) return false;
  }
  return false;
}

function partsOf(version: string): string[] {
  return version.match(/\d+|[^\d.-]+/g) ?? [];
}

function isBefore(a: string, b: string): boolean {
  const [x, y] = [numberIn(a), numberIn(b)];
  if (x !== undefined && y !== undefined) return x < y;
  if (a === "" && y !== undefined) return true;
  if (a === "pre" && b !== "pre") return true;
  if (b === "pre") return false;
  if (y !== undefined) return true;
  if (x !== undefined) return false;
  return a < b;
}

function numberIn(part: string): bigint | undefined {
  return /^\d+$/.test(part) ? BigInt(part) : undefined;
}
