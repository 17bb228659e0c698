/** Spans of time as a policy writes them: a whole number and a unit. */

const SECONDS = { m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

/** Longest span: a demand beyond a year asks for nothing. */
const MAX_SECONDS = 366 * SECONDS.d;

/** Seconds of `90m`, `36h`, `7d` or `2w`; undefined where the text is none, zero, or over a year. */
export function parseDuration(text: string): number | undefined {
  const found = /^([1-9][0-9]{0,5})([mhdw])$/.exec(text);
  if (!found) return undefined;
  const seconds = Number(found[1]) * SECONDS[found[2] as keyof typeof SECONDS];
  return seconds <= MAX_SECONDS ? seconds : undefined;
}
