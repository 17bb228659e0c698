import { buildCommand, buildRouteMap } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText, repeatedText, word } from "../flags.ts";
import { graphCommand } from "./trust-graph.command.ts";

export interface AddFlags {
  readonly introduction: string;
  readonly signedBy: readonly string[];
  readonly branch?: string;
  readonly mirror?: readonly string[];
  readonly replace: boolean;
  readonly json: boolean;
}

export interface ShowFlags {
  readonly json: boolean;
}

export interface HeadFlags {
  readonly source?: string;
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
      mirror: repeatedText("URL", "Where else it is; repeat for several. All are asked, and compared"),
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

const head = buildCommand<HeadFlags, [repository: string, revision?: string], FirstmileContext>({
  loader: async () => (await import("./trust-head.ts")).head,
  parameters: {
    flags: {
      source: optionalText("NAME", "A source of the policy (default: the trust repository itself)"),
      json: jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [
        word("REPO", "A checkout with the commit, in which the statement is kept"),
        { parse: String, placeholder: "REV", optional: true, brief: "The newest commit (default: HEAD)" },
      ],
    },
  },
  docs: {
    brief: "Sign that a commit is the newest at this time",
    fullDescription:
      "Signs with your own key that REV is the newest commit of the trust repository, or of a source, right now. Where\n" +
      "the rules ask for it (head = { signed_by, max_age }), readers that find no such statement young enough stop.\n" +
      "The statement is kept below refs/firstmile/statements of REPO: push that reference to every mirror.",
  },
});

export interface ReadingsFlags {
  readonly policy?: string;
}

const readings = buildCommand<ReadingsFlags, [fingerprint: string], FirstmileContext>({
  loader: async () => (await import("./trust-readings.ts")).readings,
  parameters: {
    flags: { policy: optionalText("DIR", "Whose rules list the key (default: this machine's)") },
    positional: { kind: "tuple", parameters: [word("FINGERPRINT", "The key that is to be retired")] },
  },
  docs: {
    brief: "List what a key has signed, for root to vouch for when it retires the key",
    fullDescription:
      "Prints the SHA-256 of every review that the key signed and that is at hand here, a line each. Root puts it into\n" +
      'a file below keys/ and names that: retired = { after = "COMMIT", readings = "keys/FILE" }. Then these readings\n' +
      "count on every machine, at later commits too, and nothing that the key signs from then on.",
  },
});

export const trustRoutes = buildRouteMap({
  routes: { add, update, show, head, readings, graph: graphCommand },
  docs: { brief: "The trust repository that this machine follows" },
});
