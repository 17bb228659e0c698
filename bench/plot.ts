/** A small line plot as SVG: each series in a colour of its own, both axes from zero. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Axes {
  readonly title: string;
  readonly x: string;
  readonly y: string;
}

const COLOURS = ["#1b6ca8", "#c0392b", "#27803b", "#8e5ea2"];
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [720, 360, 64, 44, 36, 16];

export function linePlot(axes: Axes, series: readonly Series[]): string {
  const all = series.flatMap(({ points }) => points);
  const [maxX, maxY] = [
    roundUp(Math.max(...all.map(([x]) => x))),
    roundUp(Math.max(...all.map(([, y]) => y))),
  ];
  const x = (value: number) => LEFT + (value / maxX) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => HEIGHT - BOTTOM - (value / maxY) * (HEIGHT - BOTTOM - TOP);
  const lines = series.flatMap(({ name, points }, i) => {
    const colour = COLOURS[i % COLOURS.length]!;
    const path = points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(" ");
    return [
      `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${path}"/>`,
      text(LEFT + 12, TOP + 16 + i * 16, name, `fill="${colour}"`),
    ];
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(WIDTH / 2, 20, axes.title, 'text-anchor="middle" font-size="14"'),
    ...ticks(maxX).map((at) => text(x(at), HEIGHT - BOTTOM + 16, `${at}`, 'text-anchor="middle"')),
    ...ticks(maxY).flatMap((at) => [
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(at)}" y2="${y(at)}" stroke="#ddd"/>`,
      text(LEFT - 6, y(at) + 4, `${at}`, 'text-anchor="end"'),
    ]),
    text(WIDTH / 2, HEIGHT - 8, axes.x, 'text-anchor="middle"'),
    text(LEFT - 6, TOP - 8, axes.y, 'text-anchor="end"'),
    ...lines,
    "</svg>",
  ].join("\n")}\n`;
}

function text(x: number, y: number, words: string, more: string): string {
  const safe = words.replace(/[<>&]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${safe}</text>`;
}

/** The next 1, 2 or 5 with zeros. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return power * ([1, 2, 5].find((step) => step * power >= value) ?? 10);
}

function ticks(max: number): number[] {
  return [0, 0.2, 0.4, 0.6, 0.8, 1].map((part) => Number((part * max).toPrecision(3)));
}

const OURS = "firstmile";

/** Horizontal bars on a logarithmic scale from 1: what differs by factors of a hundred stays readable. */
export function barPlot(
  title: string,
  unit: string,
  bars: readonly (readonly [name: string, value: number])[],
): string {
  const [left, row, right] = [190, 28, 90];
  const height = TOP + bars.length * row + 12;
  const most = Math.log10(Math.max(...bars.map(([, value]) => value)));
  const width = (value: number) => (Math.log10(Math.max(1, value)) / most) * (WIDTH - left - right);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    text(WIDTH / 2, 20, `${title} (${unit}, logarithmic)`, 'text-anchor="middle" font-size="14"'),
    ...bars.flatMap(([name, value], i) => {
      const y = TOP + i * row;
      const colour = name.startsWith(OURS) ? COLOURS[0] : "#8a8f98";
      return [
        text(left - 8, y + 15, name, 'text-anchor="end"'),
        `<rect x="${left}" y="${y}" width="${width(value).toFixed(1)}" height="20" fill="${colour}"/>`,
        text(left + width(value) + 6, y + 15, Math.round(value).toLocaleString("en"), ""),
      ];
    }),
    "</svg>",
  ].join("\n")}\n`;
}
