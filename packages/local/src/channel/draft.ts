/**
 * A published slice as statements: one, or as many as its limits ask for. Each binds its own files and names, so that
 * a reader with only some of them is vouched for those; together they name everything once.
 */
import {
  type ChannelStatement,
  contentsDigest,
  MAX_CHANNEL_PATHS,
} from "@firstmile/formats/statement/channel";
import { MAX_STATEMENT, parseStatement, renderStatement } from "@firstmile/formats/statement/statement";
import type { SliceFile } from "@firstmile/trust/slice/file";
import { contentOfNames, type SliceNames } from "@firstmile/trust/slice/names";

export type SaidOfChannel = Omit<ChannelStatement, "kind" | "paths" | "listed" | "asked" | "contents">;

type ReadFile = Pick<SliceFile, "path" | "mode" | "sha256">;

/** Throws `FormatError` for what no statement can say: an attribute that is not in ASCII, a path over the limit. */
export function draftChannels(
  said: SaidOfChannel,
  files: readonly ReadFile[],
  names: readonly SliceNames[] = [],
): ChannelStatement[] {
  const sorted = files.toSorted(byPath);
  const listings = names.filter(({ kind }) => kind === "listing").sort(byPath);
  const answers = names.filter(({ kind }) => kind === "answer").sort(byPath);
  const most = Math.max(sorted.length, listings.length, answers.length);
  const whole = channelOf(said, sorted, listings, answers);
  const payload = most <= MAX_CHANNEL_PATHS ? renderStatement(whole) : undefined;
  if (payload && (payload.length <= MAX_STATEMENT || sorted.length === 1)) {
    parseStatement(payload);
    return [whole];
  }
  const middle = Math.ceil(sorted.length / 2);
  const half = Math.ceil(names.length / 2);
  return [
    ...draftChannels(said, sorted.slice(0, middle), names.slice(0, half)),
    ...draftChannels(said, sorted.slice(middle), names.slice(half)),
  ];
}

function channelOf(
  said: SaidOfChannel,
  files: readonly ReadFile[],
  listings: readonly SliceNames[],
  answers: readonly SliceNames[],
): ChannelStatement {
  const named = [...listings, ...answers].map((one) => ({ path: one.path, ...contentOfNames(one) }));
  return {
    kind: "channel",
    ...said,
    paths: files.map(({ path }) => path),
    ...(listings.length === 0 ? {} : { listed: listings.map(({ path }) => path) }),
    ...(answers.length === 0 ? {} : { asked: answers.map(({ path }) => path) }),
    contents: contentsDigest([...files, ...named]),
  };
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : 1;
}
