/**
 * A published slice as statements: one, or as many as its limits ask for. Each binds its own files, so that whoever has
 * only some of them is vouched for those; together they name every file once.
 */
import {
  type ChannelStatement,
  contentsDigest,
  MAX_CHANNEL_PATHS,
} from "@firstmile/formats/statement/channel";
import { MAX_STATEMENT, parseStatement, renderStatement } from "@firstmile/formats/statement/statement";
import type { SliceFile } from "@firstmile/trust/slice/file";

export type SaidOfChannel = Omit<ChannelStatement, "kind" | "paths" | "contents">;

/** Throws `FormatError` for what no statement can say: an attribute that is not in ASCII, a path over the limit. */
export function draftChannels(
  said: SaidOfChannel,
  files: readonly Pick<SliceFile, "path" | "mode" | "sha256">[],
): ChannelStatement[] {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const paths = sorted.map(({ path }) => path);
  const whole: ChannelStatement = { kind: "channel", ...said, paths, contents: contentsDigest(sorted) };
  const payload = paths.length <= MAX_CHANNEL_PATHS ? renderStatement(whole) : undefined;
  if (payload && (payload.length <= MAX_STATEMENT || paths.length === 1)) {
    parseStatement(payload);
    return [whole];
  }
  const middle = Math.ceil(sorted.length / 2);
  return [sorted.slice(0, middle), sorted.slice(middle)].flatMap((half) => draftChannels(said, half));
}
