import { buildCommand, numberParser } from "@stricli/core";
import type { FirstmileContext } from "../context.ts";
import { jsonFlag, optionalText, repeatedText } from "../flags.ts";

export interface AdoptFlags {
  readonly file?: string;
  readonly attr?: readonly string[];
  readonly dir: string;
  readonly steps: number;
  readonly months: number;
  readonly name?: string;
  readonly principal?: readonly string[];
  readonly caches: boolean;
  readonly json: boolean;
}

export const adoptCommand = buildCommand<AdoptFlags, readonly string[], FirstmileContext>({
  loader: async () => (await import("./adopt.ts")).adopt,
  parameters: {
    flags: {
      file: optionalText("FILE", "A Nix file in a Git checkout"),
      attr: repeatedText("ATTR", "An attribute of FILE; repeat for more (default: the whole value)"),
      dir: {
        kind: "parsed",
        parse: String,
        default: "trust",
        placeholder: "DIR",
        brief: "The trust repository: an existing one, or where to make it",
      },
      steps: {
        kind: "parsed",
        parse: numberParser,
        default: "6",
        placeholder: "N",
        brief: "In how many parts the waivers end",
      },
      months: {
        kind: "parsed",
        parse: numberParser,
        default: "6",
        placeholder: "M",
        brief: "Over how many months, 12 at most",
      },
      name: optionalText("NAME", "What a new trust repository is called (default: as its directory)"),
      principal: repeatedText(
        "NAME=KEYFILE",
        "Who may change a new one, and waive (default: you, with the key that Git signs with)",
      ),
      caches: {
        kind: "boolean",
        default: true,
        brief: "Take over the caches and their keys that this machine's Nix trusts today",
      },
      json: jsonFlag,
    },
    aliases: { f: "file", A: "attr" },
    positional: {
      kind: "array",
      parameter: { parse: String, placeholder: "FLAKEREF#ATTR", brief: "Flakes of one checkout" },
    },
  },
  docs: {
    brief: "Start with a configuration as it is: everything passes today, and for a while",
    fullDescription:
      "Makes a trust repository, if there is none, with a source for the checkout and each repository that its lock names,\n" +
      "evaluates the attributes, and signs waivers for every file that this reads, by content, which end in steps. So all\n" +
      "of it is let through on the first day, each change from then on needs evidence, and firstmile coverage shows how\n" +
      "much is left. Nothing is changed where anything of it fails.",
    customUsage: ["-f FILE -A ATTR… [--dir DIR]", "FLAKEREF#ATTR… [--dir DIR]"],
  },
});
