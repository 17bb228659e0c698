/**
 * Where each `nix` command looks for what is named behind `#`, as an expression that gives the derivations. The order
 * is that of 2.8 and 2.34; a name that this finds elsewhere than the user's Nix would is another derivation, and the
 * user's stays refused.
 */
import type { Reason } from "@firstmile/trust/verdict/verdict";
import { type AttributePath, isReason, nixString, parseAttributePath } from "./attribute-path.ts";

export type FlakeVerb = "build" | "run" | "develop" | "shell";

const PACKAGES = ["packages", "legacyPackages"];
const DEFAULT_PACKAGE = [["packages", "default"], ["defaultPackage"]];

interface Lookup {
  /** Outputs that hold what is asked for by name, below the system. */
  readonly outputs: readonly string[];
  /** What is taken where nothing is named; the system comes behind the first name. */
  readonly defaults: readonly AttributePath[];
}

const LOOKUPS: Readonly<Record<FlakeVerb, Lookup>> = {
  build: { outputs: PACKAGES, defaults: DEFAULT_PACKAGE },
  shell: { outputs: PACKAGES, defaults: DEFAULT_PACKAGE },
  develop: {
    outputs: ["devShells", ...PACKAGES],
    defaults: [["devShells", "default"], ["devShell"], ...DEFAULT_PACKAGE],
  },
  run: {
    outputs: ["apps", ...PACKAGES],
    defaults: [["apps", "default"], ["defaultApp"], ...DEFAULT_PACKAGE],
  },
};

/**
 * A Nix expression for the list of .drv paths of `attrs` in the flake that the expression `flake` gives; no attrs: the
 * default. Or the reason why that cannot be asked.
 */
export function flakeExpression(
  flake: string,
  system: string,
  attrs: readonly string[],
  verb: FlakeVerb,
): string | Reason {
  const asked: string[] = [];
  for (const text of attrs.length > 0 ? attrs : [""]) {
    const path = parseFragment(text);
    if (isReason(path)) return path;
    const tried = candidates(path, text, system, verb).map((names) => `[${names.map(nixString).join(" ")}]`);
    asked.push(`{ name = ${nixString(text)}; paths = [ ${tried.join(" ")} ]; }`);
  }
  return `let flake = ${flake}; asked = [ ${asked.join(" ")} ]; in ${FIND}`;
}

/** `name^out,dev` names outputs of a derivation, which is the same one. */
function parseFragment(text: string): AttributePath | Reason {
  const name = text.replace(/\^(?:\*|[A-Za-z0-9+._?=,-]+)$/, "");
  return parseAttributePath(name.startsWith(".") ? name.slice(1) : name);
}

function candidates(path: AttributePath, text: string, system: string, verb: FlakeVerb): AttributePath[] {
  const { outputs, defaults } = LOOKUPS[verb];
  if (path.length === 0) return defaults.map(([first, ...rest]) => [first!, system, ...rest]);
  if (text.startsWith(".")) return [path];
  return [...outputs.map((output) => [output, system, ...path]), path];
}

/**
 * The first path that is there is taken, as Nix does. An app is its program, whose string carries what it needs to
 * be built in its context; 2.8 and 2.34 give the context by .drv path.
 */
const FIND = `
let
  has = value: path: path == [] || (builtins.isAttrs value && builtins.hasAttr (builtins.head path) value
    && has (builtins.getAttr (builtins.head path) value) (builtins.tail path));
  get = value: path: if path == [] then value else get (builtins.getAttr (builtins.head path) value) (builtins.tail path);
  first = { name, paths }:
    if paths == [] then throw "the flake has no attribute \${name}"
    else if has flake (builtins.head paths) then get flake (builtins.head paths)
    else first { inherit name; paths = builtins.tail paths; };
  context = text: let all = builtins.getContext text; in
    builtins.filter (path: all.\${path} ? outputs || all.\${path} ? allOutputs) (builtins.attrNames all);
  roots = value:
    if (value.type or null) == "derivation" then [ (builtins.unsafeDiscardStringContext value.drvPath) ]
    else if (value.type or null) == "app" then context value.program
    else throw "what is asked for is neither a derivation nor an app";
in builtins.concatMap (one: roots (first one)) asked`;
