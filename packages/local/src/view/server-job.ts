/** What the server is told on its standard input, and what it answers on its standard output, as JSON. */
import type { ObjectId } from "@firstmile/formats/git/object-id";
import type { Programs } from "./programs.ts";
import type { ViewRules } from "./view.ts";

export interface ServerJob {
  readonly trees: readonly ServedTree[];
  /** A directory of the view's own, with an empty directory `root` in it. */
  readonly dir: string;
  readonly programs: Programs;
}

export interface ServedTree {
  /** Environment of the Git child: see `neutralGit`. */
  readonly env: NodeJS.ProcessEnv;
  readonly tree: ObjectId;
  readonly rules: ViewRules;
}

/** A line of its own. */
export type ServerState =
  | { readonly kind: "serving" }
  /** This machine does not let us mount. */
  | { readonly kind: "unavailable"; readonly reason: string }
  /** The trees cannot be served, or no longer. */
  | { readonly kind: "failed"; readonly name: string; readonly message: string };

/** Where in the directory of a view the server mounts, and where it writes down what is opened. */
export const MOUNT = "root";
export const RECORD = "record";

export function renderJob(job: ServerJob): string {
  return JSON.stringify(job, (_key, value: unknown) => (value instanceof Map ? { map: [...value] } : value));
}

/** Written by this program for this program: its shape is not checked. */
export function parseJob(text: string): ServerJob {
  return JSON.parse(text, (_key, value: unknown) => {
    const isMap = typeof value === "object" && value !== null && "map" in value && Array.isArray(value.map);
    return isMap ? new Map(value.map as [string, readonly string[] | "any"][]) : value;
  }) as ServerJob;
}
