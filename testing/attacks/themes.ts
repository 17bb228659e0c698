/** All lists of attacks, in the order of their numbers. */
import { archives } from "./archives.ts";
import type { Theme } from "./attack.ts";
import { caches } from "./caches.ts";
import { clocks } from "./clocks.ts";
import { contentAddressed } from "./content-addressed.ts";
import { cosignaturesTagsAndNotes } from "./cosignatures-tags-and-notes.ts";
import { downloads } from "./downloads.ts";
import { evaluationReads } from "./evaluation-reads.ts";
import { foreignRoots } from "./foreign-roots.ts";
import { hostileCaches } from "./hostile-caches.ts";
import { keptSignatures } from "./kept-signatures.ts";
import { keysAndEvents } from "./keys-and-events.ts";
import { localRepositories } from "./local-repositories.ts";
import { mergesAndRenames } from "./merges-and-renames.ts";
import { namesAndAbsences } from "./names-and-absences.ts";
import { namesInOutput } from "./names-in-output.ts";
import { objectionsThatEnd } from "./objections-that-end.ts";
import { oddRequests } from "./odd-requests.ts";
import { openPgpCertificates } from "./openpgp-certificates.ts";
import { pathsOfRules } from "./paths-of-rules.ts";
import { peopleAndTrailers } from "./people-and-trailers.ts";
import { preparedStores } from "./prepared-stores.ts";
import { reviews } from "./reviews.ts";
import { takingBack } from "./taking-back.ts";
import { unadmittedBuilds } from "./unadmitted-builds.ts";
import { unreadCode } from "./unread-code.ts";
import { unreadableHistories } from "./unreadable-histories.ts";
import { whatAReaderSees } from "./what-a-reader-sees.ts";

/** What a row of the table needs of an attack. */
export interface ListedTheme extends Pick<Theme<never>, "title" | "by" | "guard"> {
  /** Absent: Nix and a gate. */
  readonly needs?: "git";
  readonly attacks: readonly {
    readonly number: number;
    readonly name: string;
    readonly by?: string;
    readonly held: string;
    readonly guard?: string;
    readonly only?: string;
  }[];
  readonly controls: readonly { readonly name: string }[];
}

export const THEMES: readonly ListedTheme[] = [
  evaluationReads,
  unreadCode,
  namesAndAbsences,
  unadmittedBuilds,
  keptSignatures,
  hostileCaches,
  downloads,
  archives,
  contentAddressed,
  preparedStores,
  oddRequests,
  unreadableHistories,
  mergesAndRenames,
  foreignRoots,
  takingBack,
  reviews,
  keysAndEvents,
  openPgpCertificates,
  peopleAndTrailers,
  cosignaturesTagsAndNotes,
  caches,
  whatAReaderSees,
  localRepositories,
  namesInOutput,
  clocks,
  objectionsThatEnd,
  pathsOfRules,
];
