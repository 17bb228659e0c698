/**
 * Boxes in columns, joined from left to right: each box right of all that point at it, in an order that crosses few
 * lines (barycentres, after Sugiyama), at a height near its neighbours. A line that passes a column has a place of its
 * own in it, so that it goes through no box.
 */

export interface Box {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  /** In the last column, whatever points at it. */
  readonly last?: boolean;
}

export interface Line {
  readonly from: string;
  readonly to: string;
}

export interface Placed {
  readonly x: number;
  /** Of its upper edge. */
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: ReadonlyMap<string, Placed>;
  /** Points through which each line goes, in the order of the lines: from box to box. */
  readonly lines: readonly (readonly Placed[])[];
}

export interface Gaps {
  readonly column: number;
  readonly row: number;
}

/** A box, or the place where a line passes a column. */
interface Cell {
  readonly width: number;
  readonly height: number;
  readonly before: Cell[];
  readonly after: Cell[];
  /** Of its middle. */
  y: number;
  order: number;
}

const SWEEPS = 12;
const PASS_HEIGHT = 4;

/** Lays out an acyclic graph. Lines between unknown boxes are an error of the caller's. */
export function layOut(boxes: readonly Box[], lines: readonly Line[], gaps: Gaps): Layout {
  const levels = levelsOf(boxes, lines);
  const count = Math.max(0, ...levels.values()) + 1;
  const columns: Cell[][] = Array.from({ length: count }, () => []);
  const cells = new Map<string, Cell>();
  for (const box of boxes) cells.set(box.id, enter(columns[levels.get(box.id)!]!, box));
  const chains = lines.map(({ from, to }) =>
    chainOf(cells.get(from)!, cells.get(to)!, levels.get(from)!, levels.get(to)!, columns),
  );
  for (let sweep = 0; sweep < SWEEPS; sweep++)
    order(sweep % 2 === 0 ? columns : columns.toReversed(), sweep % 2 === 0);
  for (let sweep = 0; sweep < SWEEPS; sweep++)
    settle(sweep % 2 === 0 ? columns.toReversed() : columns, gaps.row);
  return measure(boxes, columns, cells, chains, levels, gaps);
}

/** The length of the longest way to each box. */
function levelsOf(boxes: readonly Box[], lines: readonly Line[]): Map<string, number> {
  const into = Map.groupBy(lines, ({ to }) => to);
  const levels = new Map<string, number>();
  const levelOf = (id: string): number => {
    const known = levels.get(id);
    if (known !== undefined) return known;
    levels.set(id, 0);
    const level = Math.max(-1, ...(into.get(id) ?? []).map(({ from }) => levelOf(from))) + 1;
    levels.set(id, level);
    return level;
  };
  for (const { id } of boxes) levelOf(id);
  const end = Math.max(0, ...levels.values());
  for (const { id, last } of boxes) if (last) levels.set(id, end);
  return levels;
}

function enter(column: Cell[], { width, height }: { width: number; height: number }): Cell {
  const cell: Cell = { width, height, before: [], after: [], y: 0, order: column.length };
  column.push(cell);
  return cell;
}

function chainOf(from: Cell, to: Cell, start: number, end: number, columns: readonly Cell[][]): Cell[] {
  const chain = [from];
  for (let level = start + 1; level < end; level++)
    chain.push(enter(columns[level]!, { width: 0, height: PASS_HEIGHT }));
  chain.push(to);
  for (let i = 1; i < chain.length; i++) {
    chain[i - 1]!.after.push(chain[i]!);
    chain[i]!.before.push(chain[i - 1]!);
  }
  return chain;
}

/** Sorts each column by the middle of its neighbours in the column gone through before. */
function order(columns: readonly Cell[][], forward: boolean): void {
  for (const column of columns) {
    const middles = new Map(
      column.map((cell) => [cell, mean(forward ? cell.before : cell.after, "order") ?? cell.order]),
    );
    column.sort((a, b) => middles.get(a)! - middles.get(b)! || a.order - b.order);
    for (const [i, cell] of column.entries()) cell.order = i;
  }
}

/** Moves each column towards its neighbours, in order and without overlap. */
function settle(columns: readonly Cell[][], row: number): void {
  for (const column of columns) {
    const wanted = column.map((cell) => mean([...cell.before, ...cell.after], "y") ?? cell.y);
    const tops: number[] = [];
    column.forEach((cell, i) => {
      const above = column[i - 1];
      const least = above ? tops[i - 1]! + above.height + row : Number.NEGATIVE_INFINITY;
      tops.push(Math.max(wanted[i]! - cell.height / 2, least));
    });
    // Pushed down by what is above it, a column as a whole goes back up by as much as it was pushed on average.
    const pushed =
      mean(
        column.map((cell, i) => ({ y: tops[i]! + cell.height / 2 - wanted[i]! })),
        "y",
      ) ?? 0;
    for (const [i, cell] of column.entries()) cell.y = tops[i]! + cell.height / 2 - pushed;
  }
}

function mean<K extends "y" | "order">(
  cells: readonly Readonly<Record<K, number>>[],
  key: K,
): number | undefined {
  return cells.length === 0 ? undefined : cells.reduce((sum, cell) => sum + cell[key], 0) / cells.length;
}

function measure(
  boxes: readonly Box[],
  columns: readonly Cell[][],
  cells: ReadonlyMap<string, Cell>,
  chains: readonly Cell[][],
  levels: ReadonlyMap<string, number>,
  gaps: Gaps,
): Layout {
  const widths = columns.map((column) => Math.max(0, ...column.map(({ width }) => width)));
  const lefts = widths.map((_, i) => widths.slice(0, i).reduce((sum, width) => sum + width + gaps.column, 0));
  const all = columns.flat();
  const top = all.reduce((least, { y, height }) => Math.min(least, y - height / 2), Number.POSITIVE_INFINITY);
  const bottom = all.reduce(
    (most, { y, height }) => Math.max(most, y + height / 2),
    Number.NEGATIVE_INFINITY,
  );
  const placed = new Map(
    boxes.map(({ id }) => [
      id,
      { x: lefts[levels.get(id)!]!, y: cells.get(id)!.y - cells.get(id)!.height / 2 - top },
    ]),
  );
  const columnOf = new Map(columns.flatMap((column, i) => column.map((cell) => [cell, i] as const)));
  const lines = chains.map((chain) =>
    chain.flatMap((cell, i) => {
      const left = lefts[columnOf.get(cell)!]!;
      const right = left + (cell.width || widths[columnOf.get(cell)!]!);
      const y = cell.y - top;
      if (i === 0) return [{ x: right, y }];
      return i === chain.length - 1
        ? [{ x: left, y }]
        : [
            { x: left, y },
            { x: right, y },
          ];
    }),
  );
  const width = Math.max(0, ...widths.map((one, i) => lefts[i]! + one));
  return { width, height: all.length === 0 ? 0 : bottom - top, boxes: placed, lines };
}
