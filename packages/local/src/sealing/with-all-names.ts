/**
 * Whether names that nothing covers decide what an evaluation comes to.
 *
 * Claims: where a view kept names back, and one of them was asked for or would have been listed, the evaluation is made
 * once more with all names. The same derivations prove that these names had no influence. Against: a new name that code
 * takes for a command or for a patch. Leaves out who covers a name: the view's rules say that.
 */
import type { OpenedFile, ViewRecord, ViewTree } from "../view/view.ts";
import type { Ended, Evaluation, ReadInSeal } from "./evaluate.ts";

interface Once {
  readonly ended: Ended;
  /** Undefined: there was no evaluation. */
  readonly read: ReadInSeal | undefined;
}

type EvaluateOnce = (evaluation: Evaluation) => Promise<Ended>;

/** The evaluation that counts; what is told of it holds for both. */
export async function withAllNames(evaluation: Evaluation, evaluate: EvaluateOnce): Promise<Ended> {
  const without = await once(evaluation, evaluate);
  const hidden = without.read?.record.hidden ?? [];
  if (!without.read || hidden.length === 0) return told(evaluation, without.ended, without.read);
  // One seal at a time: what is kept is what both came to.
  if (without.ended.ok) await without.ended.seal[Symbol.asyncDispose]();
  const all = await once(showingAll(evaluation), evaluate);
  if (!all.read) return all.ended;
  const namesDecide = !areSame(without.ended, all.ended);
  const record = namesDecide || !all.ended.ok ? all.read.record : both(without.read.record, all.read.record);
  return told(evaluation, all.ended, { ...all.read, record: { ...record, hidden }, namesDecide });
}

async function once(evaluation: Evaluation, evaluate: EvaluateOnce): Promise<Once> {
  let read: ReadInSeal | undefined;
  const ended = await evaluate({ ...evaluation, read: (what) => (read = what) });
  return { ended, read };
}

function told({ read: tell }: Evaluation, ended: Ended, read: ReadInSeal | undefined): Ended {
  if (read) tell?.(read);
  return ended;
}

function showingAll(evaluation: Evaluation): Evaluation {
  const { seal } = evaluation;
  return { ...evaluation, seal: { ...seal, views: seal.views?.map(withoutHiding) ?? [] } };
}

function withoutHiding(tree: ViewTree): ViewTree {
  return { ...tree, rules: { ...tree.rules, names: undefined } };
}

/** Two failures are refused alike, whatever the names. */
function areSame(a: Ended, b: Ended): boolean {
  return a.ok && b.ok ? a.stdout.equals(b.stdout) : a.ok === b.ok;
}

/** It rests on what it was told without the names; what it was refused with them is refused. */
function both(without: ViewRecord, all: ViewRecord): ViewRecord {
  const refused = all.files.filter(({ allowed }: OpenedFile) => !allowed);
  return { ...without, files: [...without.files, ...refused] };
}
