/** What a tool of another project is to the conformance run. */
import type { Notion } from "@firstmile/testing/history-vector";
import type { Asked } from "./question.ts";

export interface Peer {
  readonly name: string;
  /** How it was asked, for the page with the results. */
  readonly how: string;
  readonly version: () => string;
  /** What it has a notion of. A case that needs another one is not put to it. */
  readonly notions: ReadonlySet<Notion>;
  /** Whether it lets the history pass. Undefined: the case is in no form that it could be asked. */
  readonly ask: (asked: Asked) => boolean | undefined;
}
