/**
 * What is drawn as one box: each node, but people only together with all others whom the same boxes name. So sixty
 * packagers of two roles are three boxes and not sixty, with a line or two each.
 */
import { harmlessLines } from "@firstmile/formats/bytes/visible";
import type { GraphNode, TrustGraph } from "@firstmile/trust/graph/graph";
import type { GraphKey } from "@firstmile/trust/graph/keys";
import { harmless } from "../terminal.ts";
import { STATE_MARKS } from "./graph-tree.ts";
import type { Line } from "./layers.ts";

export interface Row {
  readonly text: string;
  readonly style: "kind" | "label" | "note" | "problem" | "key" | "lost";
}

export interface DrawnBox {
  readonly id: string;
  readonly kind: GraphNode["kind"];
  /** Side by side. */
  readonly columns: readonly (readonly Row[])[];
  /** Everything in full, for whoever points at it. */
  readonly title: string;
  readonly bad: boolean;
}

export interface DrawnLine extends Line {
  readonly may: string | undefined;
}

export interface Drawing {
  readonly boxes: readonly DrawnBox[];
  readonly lines: readonly DrawnLine[];
}

/** Longest text of a row, in characters; the rest is in the title. */
const MAX_TEXT = 42;
/** Rows of people in one column of a box. */
const MAX_ROWS = 14;

export function boxesOf({ nodes, edges }: TrustGraph): Drawing {
  const into = Map.groupBy(edges, ({ to }) => to);
  const people = nodes.filter(({ kind }) => kind === "person");
  const bundles = Map.groupBy(people, ({ id }) => parents(into.get(id) ?? []));
  const bundleOf = new Map<string, string>();
  for (const [key, members] of bundles) for (const { id } of members) bundleOf.set(id, `people ${key}`);
  const lines = new Map<string, DrawnLine>();
  for (const { from, to, may } of edges) {
    const line = { from, to: bundleOf.get(to) ?? to, may };
    lines.set(JSON.stringify(line), line);
  }
  const boxes = nodes.filter(({ kind }) => kind !== "person").map(boxOf);
  const together = [...bundles].map(([key, members]) => bundle(`people ${key}`, members));
  return { boxes: [...boxes, ...together], lines: [...lines.values()] };
}

function parents(edges: readonly { readonly from: string }[]): string {
  return JSON.stringify([...new Set(edges.map(({ from }) => from))].sort());
}

function boxOf({ id, kind, label, notes, problems, threshold }: GraphNode): DrawnBox {
  const many = threshold ? `any ${threshold.any} of ${threshold.of}` : "";
  const head = [KIND_WORDS[kind], kind === "group" ? "" : many].filter(Boolean).join(" · ");
  const rows: Row[] = [
    { text: head, style: "kind" },
    { text: shorten(label), style: "label" },
    ...notes.map((text): Row => ({ text: shorten(text), style: "note" })),
    ...problems.map((text): Row => ({ text: `✗ ${shorten(text)}`, style: "problem" })),
  ];
  const title = [`${head}: ${label}`, ...notes, ...problems].map(harmless).join("\n");
  return { id, kind, columns: [rows], title, bad: problems.length > 0 };
}

function bundle(id: string, people: readonly GraphNode[]): DrawnBox {
  const columns: Row[][] = [];
  let column: Row[] = [];
  for (const rows of people.map(personRows)) {
    if (column.length > 0 && column.length + rows.length > MAX_ROWS) {
      columns.push(column);
      column = [];
    }
    column.push(...rows);
  }
  const title = people.map(({ label, keys = [] }) => [label, ...keys.map(wholeKey)].join("\n  ")).join("\n");
  return { id, kind: "person", columns: [...columns, column], title: harmlessLines(title), bad: false };
}

function personRows({ label, keys = [], notes, problems }: GraphNode): Row[] {
  const name = [label, ...notes].join(" · ");
  return [
    { text: shorten(name), style: "label" },
    ...problems.map((text): Row => ({ text: `✗ ${shorten(text)}`, style: "problem" })),
    ...keys.map(keyRow),
  ];
}

function keyRow({ kind, name, state, note }: GraphKey): Row {
  const good = state === "good";
  const word = good ? "" : ` ${state}`;
  const text = `${STATE_MARKS[state]} ${shorten(`${kind} ${shortName(name)}${word}${note ? `: ${note}` : ""}`)}`;
  return { text, style: good || state === "retired" ? "key" : "lost" };
}

function wholeKey({ kind, name, state, note }: GraphKey): string {
  return `${kind} ${name}: ${state}${note ? `, ${note}` : ""}`;
}

/** Enough to tell keys apart by eye; nobody compares fingerprints in a drawing. */
function shortName(name: string): string {
  if (name.startsWith("SHA256:")) return `${name.slice(0, 17)}…`;
  return /^[0-9A-F]{40,}$/.test(name) ? `…${name.slice(-16)}` : name;
}

function shorten(text: string): string {
  const shown = [...harmless(text.replace(/\s+/g, " "))];
  return shown.length > MAX_TEXT ? `${shown.slice(0, MAX_TEXT - 1).join("")}…` : shown.join("");
}

export const KIND_WORDS: Readonly<Record<GraphNode["kind"], string>> = {
  rules: "trust repository",
  source: "source",
  rule: "paths",
  output: "builds",
  role: "role",
  group: "group",
  import: "imported role",
  certified: "certified",
  person: "people",
};
