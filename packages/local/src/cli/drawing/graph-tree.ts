/**
 * Who may do what through whom, as a tree in a terminal. A role is spelled out where it is met first and only named
 * after that; the keys of people are listed once, below the tree.
 */

import type { GraphEdge, GraphNode, TrustGraph } from "@firstmile/trust/graph/graph";
import type { GraphKey } from "@firstmile/trust/graph/keys";
import { harmless, type Terminal, wrap } from "../terminal.ts";

export function showGraph(terminal: Terminal, graph: TrustGraph): void {
  const tree = new GraphTree(terminal, graph);
  tree.ways();
  tree.people();
}

class GraphTree {
  readonly #terminal: Terminal;
  readonly #nodes: ReadonlyMap<string, GraphNode>;
  readonly #below: ReadonlyMap<string, readonly GraphEdge[]>;
  readonly #roots: readonly GraphNode[];
  readonly #told = new Set<string>();

  constructor(terminal: Terminal, { nodes, edges }: TrustGraph) {
    this.#terminal = terminal;
    this.#nodes = new Map(nodes.map((node) => [node.id, node]));
    this.#below = Map.groupBy(edges, ({ from }) => from);
    const reached = new Set(edges.map(({ to }) => to));
    this.#roots = nodes.filter(({ id }) => !reached.has(id));
  }

  ways(): void {
    for (const root of this.#roots) {
      this.#line(this.#nameOf(root, undefined), "", "   ");
      this.#children(root, "");
      this.#terminal.print();
    }
  }

  people(): void {
    const people = [...this.#nodes.values()].filter(({ kind }) => kind === "person");
    for (const person of people) {
      this.#line(this.#nameOf(person, undefined), "", "   ");
      for (const key of person.keys ?? []) this.#line(this.#keyText(key), "   ", "      ");
    }
  }

  #children({ id }: GraphNode, margin: string): void {
    const below = this.#below.get(id) ?? [];
    // People in a row, as a policy lists them; what can be spelled out is on lines of its own.
    const people = below.filter(({ to, may }) => may === undefined && this.#nodes.get(to)!.kind === "person");
    const others = below.filter((edge) => !people.includes(edge));
    const rows = people.length > 0 ? [people, ...others] : others;
    rows.forEach((row, i) => {
      const last = i === rows.length - 1;
      const first = `${margin}${last ? "└─ " : "├─ "}`;
      const rest = `${margin}${last ? "   " : "│  "}`;
      if (Array.isArray(row)) this.#line(row.map(({ to }) => this.#personText(to)).join(", "), first, rest);
      else this.#edge(row as GraphEdge, first, rest);
    });
  }

  #edge({ to, may }: GraphEdge, first: string, rest: string): void {
    const node = this.#nodes.get(to)!;
    const again = this.#told.has(to) && this.#below.has(to);
    this.#told.add(to);
    const text = this.#nameOf(node, may);
    this.#line(again ? `${text} ${this.#terminal.style("dim", "(as above)")}` : text, first, rest);
    if (!again) this.#children(node, rest);
  }

  #nameOf(node: GraphNode, may: GraphEdge["may"]): string {
    const terminal = this.#terminal;
    const many =
      node.threshold && node.kind !== "group" ? `: any ${node.threshold.any} of ${node.threshold.of}` : "";
    const name = terminal.style("bold", harmless(node.label));
    const verb = may === undefined ? "" : `${terminal.style("cyan", may)}: `;
    const notes =
      node.notes.length > 0 ? ` ${terminal.style("dim", `(${harmless(node.notes.join("; "))})`)}` : "";
    const problems = node.problems
      .map((problem) => `\n${terminal.style("red", "✗")} ${harmless(problem)}`)
      .join("");
    return `${verb}${WORDS[node.kind]}${name}${many}${notes}${problems}`;
  }

  #personText(id: string): string {
    const { label, problems } = this.#nodes.get(id)!;
    return problems.length === 0 ? harmless(label) : `${harmless(label)} ${this.#terminal.style("red", "✗")}`;
  }

  #keyText({ kind, name, state, note }: GraphKey): string {
    const told = note === undefined ? "" : ` (${harmless(note)})`;
    const word = state === "good" ? told : ` ${this.#terminal.style(COLOURS[state], state)}${told}`;
    return `${STATE_MARKS[state]} ${harmless(kind)} ${harmless(name)}${word}`;
  }

  #line(text: string, first: string, rest: string): void {
    const lines = text.split("\n").map((line) => wrap(line, this.#terminal.width - 2, rest));
    this.#terminal.print(`${first}${lines.join(`\n${rest}`)}`);
  }
}

const WORDS: Readonly<Record<GraphNode["kind"], string>> = {
  rules: "",
  source: "source ",
  rule: "",
  output: "",
  role: "role ",
  group: "",
  import: "imported role ",
  certified: "",
  person: "",
};

/** Told apart without colour: what counts, what counted once, what does not. */
export const STATE_MARKS: Readonly<Record<GraphKey["state"], string>> = {
  good: "●",
  retired: "◐",
  expired: "○",
  revoked: "✗",
  compromised: "✗",
};

const COLOURS = {
  good: "green",
  retired: "yellow",
  expired: "yellow",
  revoked: "red",
  compromised: "red",
} as const;
