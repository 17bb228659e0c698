/** Words of people about one download that outweigh what its rule comes to: wardens', and then waivers. */
import { encodeHex } from "@firstmile/formats/bytes/text";
import type { SignedUpstream } from "../policy/upstream.ts";
import { type Distrust, type Objection, objectionText } from "../slice/distrust.ts";
import { day, waivedReason } from "../slice/reason.ts";
import type { WaiverAnswer, Waivers } from "../slice/waivers.ts";
import { lacking, type Reason } from "../verdict/verdict.ts";
import type { Download } from "./download.ts";
import { shown } from "./reasons.ts";
import type { VerifiedHandoff } from "./verify.ts";

/**
 * By its content, its path or its derivation; of an archive that is unpacked, by the content of the archive too, as
 * `handoffs` say which that is.
 */
export function distrustedDownload(
  download: Download,
  handoffs: readonly VerifiedHandoff[],
  distrust: Distrust,
): Reason | undefined {
  const archives = handoffs.flatMap(({ statement: { release } }) =>
    release.kind === "file" ? [release.file.sha256] : [],
  );
  const against =
    distrust.ofStorePath(download.output) ??
    distrust.ofStorePath(download.drvPath) ??
    distrust.ofFixedPath(download.output) ??
    first([...contentOf(download), ...archives], (sha256) => distrust.ofContent(sha256, undefined));
  return against && distrusted(download, against);
}

function distrusted(download: Download, objection: Objection): Reason {
  return lacking("distrusted", `${shown(download)}: ${objectionText(objection)}`, {
    remedy: "use a version without a distrust against it",
  });
}

/** Undefined where nobody of the rule's `waive` ever waived it. */
export function waivedDownload(
  download: Download,
  { waive }: SignedUpstream,
  waivers: Waivers,
): Reason | undefined {
  const answers = [
    ...[download.output, download.drvPath].map((path) => waivers.ofStorePath(waive, path)),
    ...contentOf(download).map((sha256) => waivers.ofContent(waive, sha256)),
  ];
  const holds = first(answers, (answer: WaiverAnswer) => answer.holds);
  if (holds) return waivedReason(shown(download), holds);
  const ended = first(answers, (answer: WaiverAnswer) => answer.ended);
  if (!ended) return undefined;
  const message = `${shown(download)} was waived until ${day(ended.until)} by ${ended.by.join(" and ")} only`;
  return lacking("waiver-expired", message, {
    remedy: "have its author's signature handed on: firstmile handoff",
  });
}

function contentOf({ method, hash }: Download): string[] {
  return method === "flat" && hash.algorithm === "sha256" ? [encodeHex(hash.digest)] : [];
}

function first<Item, Found>(
  items: readonly Item[],
  find: (item: Item) => Found | undefined,
): Found | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
