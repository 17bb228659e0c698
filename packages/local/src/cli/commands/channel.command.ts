import { buildCommand, buildRouteMap } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText, repeatedText, word } from "../flags.ts";

const yes = { kind: "boolean", default: false, withNegated: false, brief: "Do not ask" } as const;

export interface PublishFlags {
  readonly attr?: readonly string[];
  readonly file?: string;
  readonly to?: string;
  readonly policy?: string;
  readonly vouchAll: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

const publish = buildCommand<PublishFlags, [source: string, revision?: string], FirstmileContext>({
  loader: async () => (await import("./channel-publish.ts")).publish,
  parameters: {
    flags: {
      attr: repeatedText("ATTR", "An attribute; repeat for more (default: the file's whole value)"),
      file: optionalText("FILE", "The file that is evaluated (default: default.nix)"),
      to: optionalText(
        "DIR",
        "Where it is written: a checkout of your trust repository, another repository, a directory",
      ),
      policy: optionalText("DIR", "Your rules (default: this machine's trust repository)"),
      vouchAll: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Vouch for files too that your own rules do not cover",
      },
      yes,
      json: jsonFlag,
    },
    aliases: { f: "file", A: "attr" },
    positional: {
      kind: "tuple",
      parameters: [
        word(
          "SOURCE",
          "A source of the policy, a checkout or a URL; or FLAKE#ATTR, for the inputs of a flake",
        ),
        {
          parse: String,
          placeholder: "REV",
          optional: true,
          brief: "A revision of it (default: its newest)",
        },
      ],
    },
  },
  docs: {
    brief: "Vouch for all that some attributes read at a commit",
    fullDescription:
      "Evaluates the attributes, shows what they read and how much of it your own rules cover, and signs with your\n" +
      "own key that these files, at this commit, are good. Whoever follows you accepts exactly those.",
  },
});

export interface FollowFlags {
  readonly introduction: string;
  readonly signedBy: readonly string[];
  readonly role: string;
  readonly source?: string;
  readonly name?: string;
  readonly review?: string;
  readonly rules?: string;
  readonly yes: boolean;
  readonly json: boolean;
}

const follow = buildCommand<FollowFlags, [url: string], FirstmileContext>({
  loader: async () => (await import("./channel-follow.ts")).follow,
  parameters: {
    flags: {
      introduction: {
        kind: "parsed",
        parse: String,
        placeholder: "COMMIT",
        brief: "The commit from which the curator's trust repository is authenticated",
      },
      signedBy: {
        ...repeatedText("FINGERPRINT", "Key that must have signed the introduction; repeat for several"),
        optional: false,
      },
      role: {
        kind: "parsed",
        parse: String,
        default: "curator",
        placeholder: "ROLE",
        brief: "The role of the curators, there",
      },
      source: optionalText("NAME", "The source, there (default: the only one that is judged by slices)"),
      name: optionalText("NAME", "What the import is called here (default: as the curator's rules are)"),
      review: optionalText(
        "ROLE",
        "Whose reviews cover what was not published, where the source is new here (default: reviewer, or root)",
      ),
      rules: optionalText("DIR", "A checkout of your trust repository (default: this directory)"),
      yes,
      json: jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [word("URL", "Where the curator's trust repository is: https, ssh, file or a path")],
    },
  },
  docs: {
    brief: "Accept what a curator publishes, by your own rules",
    fullDescription:
      "Adds to firstmile.toml of your trust repository what is missing: the import of the curator's, a role for the\n" +
      "curators, and the source that accepts what they publish. Shows the lines and asks; you sign and commit them.\n" +
      "Exactly what was published is accepted, at the commit that was named; all else needs your own review.",
  },
});

export interface ListFlags {
  readonly policy?: string;
  readonly all: boolean;
  readonly json: boolean;
}

const list = buildCommand<ListFlags, [source?: string], FirstmileContext>({
  loader: async () => (await import("./channel-list.ts")).list,
  parameters: {
    flags: {
      policy: optionalText("DIR", "Judge by the rules in this directory (default: this machine's)"),
      all: { kind: "boolean", default: false, withNegated: false, brief: "All, not only the newest" },
      json: jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: String,
          placeholder: "SOURCE",
          optional: true,
          brief: "A source of the policy, or a checkout of it (default: all)",
        },
      ],
    },
  },
  docs: { brief: "What was published of a source, the newest first, and whether your rules accept it" },
});

export const channelRoutes = buildRouteMap({
  routes: { publish, follow, list },
  docs: { brief: "Slices that somebody publishes, and that others accept whole" },
});
