/**
 * How much is covered, waived and open over time, as an SVG that needs nothing but itself: no font, script, style sheet
 * or link of anybody's. What was is drawn full, and what comes of itself pale, behind a line for today. Shares are told
 * by shade, by hatching and by words beside them, so that colours only help and a print in greys can be read.
 */
import type { Point, Share } from "../../coverage/counts.ts";
import { escaped } from "./graph-svg.ts";

export interface BurnDown {
  readonly title: string;
  readonly subtitle: string;
  /** Oldest first; the last one is today. */
  readonly past: readonly Point[];
  /** What comes if nothing is done. */
  readonly future: readonly Point[];
}

const SIZE = { width: 900, height: 440 };
const BOX = { left: 64, right: 164, top: 78, bottom: 62 };
const FONT = "system-ui, 'DejaVu Sans', Verdana, sans-serif";
const DAY = 86_400;

/** From the bottom up. */
const SHARES: readonly Share[] = ["covered", "waived", "open"];
const FILLS: Readonly<Record<Share, string>> = { covered: "#0B5C8A", waived: "#F2B134", open: "#F4F4F2" };
const NAMES: Readonly<Record<Share, string>> = { covered: "covered", waived: "waived", open: "open" };

export function burnDownSvg(plot: BurnDown): string {
  const scale = new Scale(plot);
  const { width, height } = SIZE;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${FONT}" role="img">`,
    `<title>${escaped(plot.title)}</title>`,
    HATCH,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    text(BOX.left, 30, plot.title, 'font-size="17" font-weight="600" fill="#111111"'),
    text(BOX.left, 51, plot.subtitle, 'font-size="12.5" fill="#444444"'),
    ...grid(scale),
    ...areas(plot, scale),
    ...ends(plot, scale),
    ...today(plot, scale),
    ...axis(scale),
    ...names(plot, scale),
    "</svg>",
    "",
  ].join("\n");
}

const HATCH = [
  "<defs>",
  '<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">',
  `<rect width="7" height="7" fill="${FILLS.waived}"/><rect width="1.6" height="7" fill="#8A5A00"/>`,
  "</pattern>",
  "</defs>",
].join("");

/** Times and shares as places on the paper. */
class Scale {
  readonly from: number;
  readonly to: number;

  constructor({ past, future }: BurnDown) {
    const times = [...past, ...future].map(({ time }) => time);
    const [first, last] = [Math.min(...times), Math.max(...times)];
    // Margins, so that a last step is seen as one, and what was on the first day as well; and a day at least.
    const room = Math.max(DAY, (last - first) * 0.04);
    this.from = Math.min(first, past.at(-1)!.time - room);
    this.to = last + room;
  }

  x(time: number): number {
    const inner = SIZE.width - BOX.left - BOX.right;
    return BOX.left + ((time - this.from) / (this.to - this.from)) * inner;
  }

  /** `share` from 0 to 1. */
  y(share: number): number {
    return SIZE.height - BOX.bottom - share * (SIZE.height - BOX.top - BOX.bottom);
  }
}

/** Upper edge of each share, from 0 to 1. */
function edges({ shares }: Point): Readonly<Record<Share, number>> {
  const total = SHARES.reduce((sum, share) => sum + shares[share].files, 0) || 1;
  let sum = 0;
  const upper = SHARES.map((share) => {
    sum += shares[share].files;
    return [share, sum / total] as const;
  });
  return Object.fromEntries(upper) as Record<Share, number>;
}

function grid(scale: Scale): string[] {
  return [0, 0.25, 0.5, 0.75, 1].flatMap((share) => {
    const y = round(scale.y(share));
    return [
      `<line x1="${BOX.left}" x2="${SIZE.width - BOX.right}" y1="${y}" y2="${y}" stroke="#D5D5D5"/>`,
      text(BOX.left - 8, y + 4, `${share * 100} %`, 'font-size="11" fill="#333333" text-anchor="end"'),
    ];
  });
}

function areas(plot: BurnDown, scale: Scale): string[] {
  const now = plot.past.at(-1)!;
  const coming = [now, ...plot.future];
  const end = { ...coming.at(-1)!, time: scale.to };
  const drawn = (points: readonly Point[], opacity: number) =>
    SHARES.map((share, i) => {
      const below = i === 0 ? undefined : SHARES[i - 1];
      const fill = share === "waived" ? "url(#hatch)" : FILLS[share];
      return `<path d="${band(points, scale, share, below)}" fill="${fill}" fill-opacity="${opacity}"/>`;
    });
  const [first, ...others] = plot.past as [Point, ...Point[]];
  // What was decided a moment ago is drawn as if it had been so for the width of a line.
  const past = [
    { ...first, time: Math.min(first.time, now.time - (scale.to - scale.from) / 200) },
    ...others,
    now,
  ];
  return [
    ...drawn(past, 1),
    ...drawn([...coming, end], 0.45),
    ...outline(past, scale, ""),
    ...outline([...coming, end], scale, ' stroke-dasharray="5 3"'),
  ];
}

/** Between two upper edges, in steps: what is so stays so until something changes. */
function band(points: readonly Point[], scale: Scale, share: Share, below: Share | undefined): string {
  const upper = steps(points, scale, (point) => edges(point)[share]);
  const lower = steps(points, scale, (point) => (below ? edges(point)[below] : 0));
  return `M${[...upper, ...lower.reverse()].join("L")}Z`;
}

function outline(points: readonly Point[], scale: Scale, more: string): string[] {
  return (["covered", "waived"] as const).map((share) => {
    const line = steps(points, scale, (point) => edges(point)[share]).join("L");
    const width = share === "covered" ? 2 : 1.5;
    return `<path d="M${line}" fill="none" stroke="#222222" stroke-width="${width}"${more}/>`;
  });
}

function steps(points: readonly Point[], scale: Scale, share: (point: Point) => number): string[] {
  return points.flatMap((point, i) => {
    const x = round(scale.x(point.time));
    const y = round(scale.y(share(point)));
    const before = points[i - 1];
    return before ? [`${x} ${round(scale.y(share(before)))}`, `${x} ${y}`] : [`${x} ${y}`];
  });
}

/** A mark at each end of a waiver, with how much it let through. */
function ends({ past, future }: BurnDown, scale: Scale): string[] {
  let before = past.at(-1)!;
  let free = Number.NEGATIVE_INFINITY;
  return future.flatMap((point) => {
    const ended = point.shares.open.files - before.shares.open.files;
    before = point;
    const x = round(scale.x(point.time));
    const y = round(scale.y(edges(point).waived));
    const words = `${dayText(point.time)}: ${ended} ${ended === 1 ? "file" : "files"}`;
    const dot = `<circle cx="${x}" cy="${y}" r="3.2" fill="#ffffff" stroke="#222222" stroke-width="1.4"><title>${words}</title></circle>`;
    const room = 14 + 6.2 * String(-ended).length;
    if (x - free < 0) return [dot];
    free = x + room;
    return [dot, halo(x + 7, y - 6, `\u2212${ended}`, 'font-size="11" fill="#222222"')];
  });
}

function today({ past, future }: BurnDown, scale: Scale): string[] {
  const x = round(scale.x(past.at(-1)!.time));
  const top = BOX.top - 6;
  const line = `<line x1="${x}" x2="${x}" y1="${top}" y2="${round(scale.y(0))}" stroke="#111111" stroke-width="1.2"/>`;
  const label = text(x, top - 4, "today", 'font-size="11" fill="#111111" text-anchor="middle"');
  if (future.length === 0) return [line, label];
  const hint = text(x + 24, top - 4, "if nothing is done \u2192", 'font-size="11" fill="#555555"');
  return [line, label, hint];
}

/** Days that divide the time in view, so many that they can be read side by side. */
function axis(scale: Scale): string[] {
  const y = SIZE.height - BOX.bottom;
  const marks = dates(scale.from, scale.to).map((time) => {
    const x = round(scale.x(time));
    return `<line x1="${x}" x2="${x}" y1="${y}" y2="${y + 5}" stroke="#555555"/>${text(x, y + 19, dayText(time), 'font-size="11" fill="#333333" text-anchor="middle"')}`;
  });
  const line = `<line x1="${BOX.left}" x2="${SIZE.width - BOX.right}" y1="${y}" y2="${y}" stroke="#555555"/>`;
  return [line, ...marks];
}

const WIDEST = 7;

function dates(from: number, to: number): number[] {
  const days = (to - from) / DAY;
  const months = [1, 2, 3, 6, 12].find((each) => days / (30 * each) <= WIDEST) ?? 24;
  if (days > 45) return monthsBetween(from, to, months);
  const each = [1, 2, 7, 14].find((step) => days / step <= WIDEST) ?? 14;
  const first = Math.ceil(from / DAY);
  const count = Math.floor(to / DAY - first) / each;
  return Array.from({ length: Math.floor(count) + 1 }, (_, i) => (first + i * each) * DAY);
}

function monthsBetween(from: number, to: number, each: number): number[] {
  const start = new Date(from * 1000);
  const found: number[] = [];
  for (let month = 1; ; month += 1) {
    const time = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + month, 1) / 1000;
    if (time > to) return found;
    if (new Date(time * 1000).getUTCMonth() % each === 0 || each > 12) found.push(time);
  }
}

/** What each share is today, beside it; kept apart where shares are thin. */
function names({ past }: BurnDown, scale: Scale): string[] {
  const now = past.at(-1)!;
  const upper = edges(now);
  const total = SHARES.reduce((sum, share) => sum + now.shares[share].files, 0) || 1;
  const wanted = SHARES.map((share, i) => {
    const low = i === 0 ? 0 : upper[SHARES[i - 1]!];
    return { share, y: scale.y((low + upper[share]) / 2) };
  });
  const x = SIZE.width - BOX.right + 14;
  return spreadApart(wanted).flatMap(({ share, y }) => {
    const { files } = now.shares[share];
    const part = `${(Math.floor((files / total) * 1000) / 10).toFixed(1)} %`;
    const fill = share === "waived" ? "url(#hatch)" : FILLS[share];
    return [
      `<rect x="${x}" y="${round(y - 9)}" width="14" height="14" fill="${fill}" stroke="#222222"/>`,
      text(x + 21, y - 1, `${NAMES[share]} ${part}`, 'font-size="12.5" font-weight="600" fill="#111111"'),
      text(
        x + 21,
        y + 13,
        `${files.toLocaleString("en-US")} ${files === 1 ? "file" : "files"}`,
        'font-size="11" fill="#444444"',
      ),
    ];
  });
}

const APART = 36;

/** Moved up where one would cover the next; all are from the bottom up. */
function spreadApart<T extends { readonly y: number }>(wanted: readonly T[]): T[] {
  const lowest = SIZE.height - BOX.bottom - 14;
  let limit = lowest + APART;
  const placed = wanted.map((one) => {
    const y = Math.min(one.y, limit - APART, lowest);
    limit = y;
    return { ...one, y };
  });
  const over = Math.max(0, BOX.top + 8 - (placed.at(-1)?.y ?? BOX.top + 8));
  return over === 0 ? placed : placed.map((one) => ({ ...one, y: one.y + over }));
}

function dayText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

function text(x: number, y: number, words: string, more: string): string {
  return `<text x="${round(x)}" y="${round(y)}" ${more}>${escaped(words)}</text>`;
}

/** Legible on whatever it lies. */
function halo(x: number, y: number, words: string, more: string): string {
  return text(x, y, words, `${more} stroke="#ffffff" stroke-width="3" paint-order="stroke"`);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
