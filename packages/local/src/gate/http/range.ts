/**
 * Range and Content-Range (RFC 9110, section 14) as far as resuming a download needs them: one range that opens with
 * a first position. Anything else is treated as if no range had been asked for, which the RFC allows.
 */
export interface ByteRange {
  readonly first: number;
  /** Inclusive; undefined means up to the end. */
  readonly last: number | undefined;
}

/** The one range of a Range header, or undefined where there is none that is understood. */
export function parseRange(header: string | undefined): ByteRange | undefined {
  const match = /^bytes=(\d{1,15})-(\d{1,15})?$/i.exec(header ?? "");
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = match[2] === undefined ? undefined : Number(match[2]);
  return last !== undefined && last < first ? undefined : { first, last };
}

export function renderRange(range: ByteRange): string {
  return `bytes=${range.first}-${range.last ?? ""}`;
}

export interface ContentRange {
  readonly first: number;
  readonly last: number;
  readonly total: number;
}

/** A satisfied Content-Range with a known total, or undefined. */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/i.exec(header ?? "");
  if (match === null) return undefined;
  const [first, last, total] = [Number(match[1]), Number(match[2]), Number(match[3])];
  return first <= last && last < total ? { first, last, total } : undefined;
}

/** Whether `part` answers `wanted` exactly: a part that starts elsewhere would be spliced into the wrong place. */
export function answersRange(wanted: ByteRange, part: ContentRange): boolean {
  return part.first === wanted.first && part.last === Math.min(wanted.last ?? part.total - 1, part.total - 1);
}
