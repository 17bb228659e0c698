/**
 * Who may do what through whom, as an SVG that needs nothing but itself: no font, script, style sheet or link of
 * anybody's. All text is from a policy, which others write: it is escaped, and never more than text. Kinds are told by
 * words and lines by dashes, so that colours (Okabe and Ito's, which the colour-blind tell apart) only help.
 */
import type { GraphNode, TrustGraph } from "@firstmile/trust/graph/graph";
import { harmless } from "../terminal.ts";
import { boxesOf, type DrawnBox, type DrawnLine, type Row } from "./graph-boxes.ts";
import { type Layout, layOut, type Placed } from "./layers.ts";

const MARGIN = 24;
const PAD = 10;
const BAR = 5;
const GAPS = { column: 116, row: 16 };
const FONT = "system-ui, 'DejaVu Sans', Verdana, sans-serif";

/** Size, weight, colour and height of each kind of row. Width of a character: as wide fonts have it. */
const ROWS: Readonly<Record<Row["style"], { size: number; height: number; attributes: string }>> = {
  kind: { size: 10, height: 14, attributes: 'fill="#555555" letter-spacing="0.4"' },
  label: { size: 13, height: 18, attributes: 'fill="#111111" font-weight="600"' },
  note: { size: 11, height: 15, attributes: 'fill="#444444"' },
  problem: { size: 11, height: 15, attributes: 'fill="#9E3D00" font-weight="600"' },
  key: { size: 11, height: 15, attributes: 'fill="#333333"' },
  lost: { size: 11, height: 15, attributes: 'fill="#9E3D00"' },
};
const CHARACTER = 0.62;

const COLOURS: Readonly<Record<GraphNode["kind"], string>> = {
  rules: "#000000",
  source: "#0072B2",
  rule: "#56B4E9",
  output: "#0072B2",
  role: "#009E73",
  group: "#8A8A8A",
  import: "#CC79A7",
  certified: "#E69F00",
  person: "#444444",
};

const LINES: Readonly<Record<string, string>> = {
  write: 'stroke="#0072B2" stroke-width="2"',
  review: 'stroke="#B3589A" stroke-width="2" stroke-dasharray="7 4"',
  certify: 'stroke="#B87A00" stroke-width="2" stroke-dasharray="2 3"',
};
const OTHER_MAY = 'stroke="#444444" stroke-width="1.5" stroke-dasharray="1 4" stroke-linecap="round"';
const MEMBER = 'stroke="#9A9A9A" stroke-width="1.3"';

export function graphSvg(graph: TrustGraph): string {
  const { boxes, lines } = boxesOf(graph);
  const sizes = boxes.map((box) => ({ id: box.id, ...sizeOf(box), last: box.kind === "person" }));
  const layout = layOut(sizes, lines, GAPS);
  const width = Math.ceil(layout.width + 2 * MARGIN);
  const legendY = layout.height + 2 * MARGIN + 34;
  const height = Math.ceil(legendY + 30 + MARGIN);
  const heading = `Who may do what through whom: ${graph.name}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Math.max(width, 760)} ${height}" width="${Math.max(width, 760)}" height="${height}" font-family="${FONT}" role="img">`,
    `<title>${escaped(heading)}</title>`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    `<text x="${MARGIN}" y="${MARGIN + 8}" font-size="16" font-weight="600" fill="#111111">${escaped(heading)}</text>`,
    `<g transform="translate(${MARGIN} ${MARGIN + 30})">`,
    ...drawLines(lines, layout, new Map(sizes.map((size) => [size.id, size.height]))),
    ...boxes.map((box, i) => drawBox(box, layout.boxes.get(box.id)!, sizes[i]!)),
    "</g>",
    legend(legendY + 8),
    "</svg>",
    "",
  ].join("\n");
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function sizeOf({ columns }: DrawnBox): Size {
  const widths = columns.map(columnWidth);
  const heights = columns.map((rows) => rows.reduce((sum, { style }) => sum + ROWS[style].height, 0));
  return { width: widths.reduce((a, b) => a + b, BAR + PAD), height: Math.max(...heights) + 2 * PAD - 4 };
}

function columnWidth(rows: readonly Row[]): number {
  const widest = Math.max(
    60,
    ...rows.map(({ text, style }) => [...text].length * ROWS[style].size * CHARACTER),
  );
  return Math.ceil(widest) + PAD;
}

function drawBox(box: DrawnBox, { x, y }: Placed, { width, height }: Size): string {
  const border = box.bad ? 'stroke="#9E3D00" stroke-width="2" stroke-dasharray="5 3"' : 'stroke="#888888"';
  let left = BAR + PAD;
  const columns = box.columns.map((rows) => {
    const drawn = drawRows(rows, left);
    left += columnWidth(rows);
    return drawn;
  });
  return [
    `<g transform="translate(${round(x)} ${round(y)})"><title>${escaped(box.title)}</title>`,
    `<rect width="${width}" height="${height}" rx="4" fill="#FBFBFB" ${border}/>`,
    `<rect width="${BAR}" height="${height}" rx="2" fill="${COLOURS[box.kind]}"/>`,
    ...columns,
    "</g>",
  ].join("");
}

function drawRows(rows: readonly Row[], x: number): string {
  let y = PAD - 4;
  return rows
    .map(({ text, style }) => {
      const { size, height, attributes } = ROWS[style];
      y += height;
      return `<text x="${x}" y="${y - 2}" font-size="${size}" ${attributes}>${escaped(text)}</text>`;
    })
    .join("");
}

/** Lines leave a box one below the other, in the order of where they go, so that what they say can be read. */
function drawLines(
  lines: readonly DrawnLine[],
  layout: Layout,
  heights: ReadonlyMap<string, number>,
): string[] {
  const ports = new Map<DrawnLine, number>();
  for (const [from, group] of Map.groupBy(lines, (line) => line.from)) {
    const sorted = group.toSorted(
      (a, b) => nextY(layout, lines.indexOf(a)) - nextY(layout, lines.indexOf(b)),
    );
    const step = Math.min(15, heights.get(from)! / (sorted.length + 1));
    for (const [i, line] of sorted.entries()) ports.set(line, (i - (sorted.length - 1) / 2) * step);
  }
  return lines.map((line, i) => drawLine(line, layout.lines[i]!, ports.get(line)!));
}

function nextY({ lines }: Layout, line: number): number {
  return lines[line]![1]!.y;
}

function drawLine({ may }: DrawnLine, [start, ...rest]: readonly Placed[], port: number): string {
  const from = { x: start!.x, y: start!.y + port };
  let at = from;
  let path = `M${round(at.x)} ${round(at.y)}`;
  for (const [i, to] of rest.entries()) {
    const middle = round((at.x + to.x) / 2);
    // Across a column straight; between columns as a curve that leaves and arrives level.
    path +=
      i % 2 === 1
        ? `L${round(to.x)} ${round(to.y)}`
        : `C${middle} ${round(at.y)} ${middle} ${round(to.y)} ${round(to.x)} ${round(to.y)}`;
    at = to;
  }
  const style = may === undefined ? MEMBER : (LINES[may] ?? OTHER_MAY);
  const line = `<path d="${path}" fill="none" ${style}/>`;
  if (may === undefined) return line;
  const label = `x="${round(from.x + 5)}" y="${round(from.y - 3)}" font-size="10"`;
  // A white edge around the letters keeps them legible where lines cross them.
  return `${line}<text ${label} fill="#222222" stroke="#ffffff" stroke-width="3" paint-order="stroke">${escaped(may)}</text>`;
}

function legend(y: number): string {
  const samples: [string, string][] = [
    ["may write", LINES.write!],
    ["may review", LINES.review!],
    ["certified by", LINES.certify!],
    ["other powers", OTHER_MAY],
    ["consists of", MEMBER],
  ];
  const drawn = samples.map(([word, style], i) => {
    const x = MARGIN + i * 118;
    return `<path d="M${x} ${y}h26" fill="none" ${style}/><text x="${x + 32}" y="${y + 4}" font-size="11" fill="#333333">${word}</text>`;
  });
  const marks = "keys: ● counts  ◐ retired  ○ expired  ✗ revoked or compromised";
  return `${drawn.join("")}<text x="${MARGIN}" y="${y + 22}" font-size="11" fill="#333333">${marks}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** As text and as an attribute's value; what XML cannot hold at all becomes visible. */
export function escaped(text: string): string {
  return harmless(text)
    .replace(/[\ud800-\udfff]/gu, "\ufffd")
    .replace(/[\ufffe\uffff]/g, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
