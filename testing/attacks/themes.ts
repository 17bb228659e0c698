/** All lists of attacks, in the order of their numbers. */
import { archives } from "./archives.ts";
import type { Theme } from "./attack.ts";
import { contentAddressed } from "./content-addressed.ts";
import { downloads } from "./downloads.ts";
import { evaluationReads } from "./evaluation-reads.ts";
import { hostileCaches } from "./hostile-caches.ts";
import { keptSignatures } from "./kept-signatures.ts";
import { namesAndAbsences } from "./names-and-absences.ts";
import { oddRequests } from "./odd-requests.ts";
import { preparedStores } from "./prepared-stores.ts";
import { unadmittedBuilds } from "./unadmitted-builds.ts";
import { unreadCode } from "./unread-code.ts";

/** What a row of the table needs of an attack. */
export interface ListedTheme extends Pick<Theme<never>, "title" | "by" | "guard"> {
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
];
