/**
 * A view that is open while someone else starts the commands in it: at the places that a seal gives the trees.
 *
 * Claims as view.ts: what is opened of the trees is in the record, and what the rules do not allow cannot be opened.
 */

import { type Mounted, openMounted } from "./mounted.ts";
import { enter } from "./namespace.ts";
import { openTraced } from "./traced.ts";
import type { ViewRecord, ViewResult, ViewTree } from "./view.ts";
import { ViewError } from "./view-error.ts";
import { watch } from "./watchdog.ts";

export interface OpenView extends AsyncDisposable {
  readonly how: ViewResult["how"];
  /** Words before a command, which put it where `roots` can be named. */
  readonly enter: readonly string[];
  /** Where each tree is there. */
  readonly roots: readonly string[];
  /** What has to run in place of the command, from outside of any namespace. */
  around(argv: readonly string[]): string[];
  /** Ends it, after the command. Throws `ViewError` where it had ended before. */
  finish(): Promise<ViewRecord>;
}

/** `at` of a tree is where the command sees it, as strace tells it. Throws as `runInView`. */
export async function openView(trees: readonly ViewTree[]): Promise<OpenView> {
  try {
    return watched(await openMounted(trees));
  } catch (error) {
    if (!(error instanceof ViewError) || error.code !== "view-unavailable") throw error;
    const traced = await openTraced(trees, error.message);
    return {
      how: "strace",
      enter: [],
      roots: traced.roots,
      around: (argv) => traced.around(argv),
      finish: () => traced.record(),
      [Symbol.asyncDispose]: async () => traced[Symbol.dispose](),
    };
  }
}

function watched(mounted: Mounted): OpenView {
  const { programs, user, server, roots } = mounted;
  const release = watch(server, programs, user);
  return {
    how: "fuse",
    enter: enter(programs, user, server.pid),
    roots,
    around: (argv) => [...argv],
    finish: () => {
      release();
      return server.finish();
    },
    [Symbol.asyncDispose]: () => {
      release();
      return mounted[Symbol.asyncDispose]();
    },
  };
}
