import { buildCommand, buildRouteMap } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText, repeatedText, word } from "../flags.ts";

export interface AddFlags {
  readonly introduction: string;
  readonly signedBy: readonly string[];
  readonly branch?: string;
  readonly replace: boolean;
  readonly json: boolean;
}

export interface ShowFlags {
  readonly json: boolean;
}

const add = buildCommand<AddFlags, [url: string], FirstmileContext>({
  loader: async () => (await import("./trust.ts")).add,
  parameters: {
    flags: {
      introduction: {
        kind: "parsed",
        parse: String,
        placeholder: "COMMIT",
        brief: "The commit from which it is authenticated",
      },
      signedBy: {
        ...repeatedText("FINGERPRINT", "Key that must have signed the introduction; repeat for several"),
        optional: false,
      },
      branch: optionalText("NAME", "Branch to follow (default: the repository's own)"),
      replace: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Forget the trust repository pinned before",
      },
      json: jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [word("URL", "Where the trust repository is: https, ssh, file or a path")],
    },
  },
  docs: { brief: "Pin a trust repository and authenticate it from its introduction" },
});

const update = buildCommand<ShowFlags, [], FirstmileContext>({
  loader: async () => (await import("./trust.ts")).update,
  parameters: { flags: { json: jsonFlag } },
  docs: { brief: "Fetch the trust repository and follow it, if what it offers is authentic and newer" },
});

const show = buildCommand<ShowFlags, [], FirstmileContext>({
  loader: async () => (await import("./trust.ts")).show,
  parameters: { flags: { json: jsonFlag } },
  docs: { brief: "Show the rules that this machine follows" },
});

export const trustRoutes = buildRouteMap({
  routes: { add, update, show },
  docs: { brief: "The trust repository that this machine follows" },
});
