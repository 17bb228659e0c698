/**
 * What a Nix command line asks to build, read from its arguments without running it. Claim: what is admitted is what
 * the command will evaluate, or the command is refused here with a reason; where this is wrong, the hook still
 * refuses. Refused: expressions on the command line, which nobody signed.
 */

/** What has to be admitted before the command runs. */
export type Asked =
  | {
      readonly kind: "file";
      readonly file: string;
      readonly attrs: readonly string[];
      readonly argstr: Readonly<Record<string, string>>;
    }
  | { readonly kind: "flake"; readonly references: readonly string[]; readonly verb: FlakeVerb };

export type FlakeVerb = "build" | "run" | "develop" | "shell";

/** Arguments that cannot be admitted, and what to do instead. */
export class UnadmittableError extends Error {
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.name = "UnadmittableError";
    this.help = help;
  }
}

/** The program and its arguments, as they will be run. */
export interface NixCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly asked: Asked;
}

const FLAKE_VERBS: ReadonlySet<string> = new Set(["build", "run", "develop", "shell"]);

/** Number of values that options of these commands take; the rest take none. */
const VALUES: Readonly<Record<string, number>> = {
  "-o": 1,
  "--out-link": 1,
  "-j": 1,
  "--max-jobs": 1,
  "--cores": 1,
  "--log-format": 1,
  "--option": 2,
  "--command": 1,
  "--run": 1,
  "--timeout": 1,
  "--max-silent-time": 1,
  "--system": 1,
  "--profile": 1,
  "--eval-store": 1,
  "--store": 1,
  "--phase": 1,
  "--drv-link": 1,
  "--add-root": 1,
  "--unset": 1,
  "--builders": 1,
  "--extra-experimental-features": 1,
  "--experimental-features": 1,
  "-I": 1,
  "--include": 1,
};

/** Options that bring in what nobody signed, or leave the store that the gate guards. */
const REFUSED: Readonly<Record<string, string>> = {
  "-E": "put the expression into a file of the source and sign it",
  "--expr": "put the expression into a file of the source and sign it",
  "--arg": "use --argstr, whose value is data, or put the value into a file of the source",
  "--impure": "make the flake pure",
  "--override-input": "change flake.lock and sign the change",
  "--update-input": "run nix flake update by itself, then sign flake.lock",
  "--recreate-lock-file": "run nix flake update by itself, then sign flake.lock",
  "-p": "write a shell.nix, and sign it",
  "--packages": "write a shell.nix, and sign it",
};

/** Reads `nix-build …`, `nix-shell …`, `nix build …`, or the same without the leading `nix`. Throws `UnadmittableError`. */
export function readNixCommand(words: readonly string[]): NixCommand {
  const [first, ...rest] = words[0] === "nix" ? words.slice(1) : words;
  if (first === "nix-build" || first === "nix-shell")
    return { program: first, args: rest, asked: readClassic(first, rest) };
  if (first !== undefined && FLAKE_VERBS.has(first)) {
    return { program: "nix", args: [first, ...rest], asked: readFlake(first as FlakeVerb, rest) };
  }
  throw new UnadmittableError(
    first === undefined ? "no Nix command is named" : `firstmile nix does not know ${first}`,
    "firstmile nix nix-build …, nix-shell …, build …, run …, develop … or shell …",
  );
}

function readClassic(program: "nix-build" | "nix-shell", args: readonly string[]): Asked {
  const scanned = scan(args);
  if (scanned.files.length > 1)
    throw new UnadmittableError("more than one file is named", "name one at a time");
  const fallback = program === "nix-shell" ? ["shell.nix", "default.nix"] : ["default.nix"];
  const file = scanned.files[0] ?? fallback.join("|");
  return { kind: "file", file, attrs: scanned.attrs, argstr: scanned.argstr };
}

function readFlake(verb: FlakeVerb, args: readonly string[]): Asked {
  const scanned = scan(untilCommand(verb, args));
  if (scanned.file !== undefined)
    return { kind: "file", file: scanned.file, attrs: scanned.files, argstr: scanned.argstr };
  const references = scanned.files.length > 0 ? scanned.files : ["."];
  return { kind: "flake", references: verb === "run" ? references.slice(0, 1) : references, verb };
}

/** What `nix run` and `nix develop -c` pass on is no business of Nix's. */
function untilCommand(verb: FlakeVerb, args: readonly string[]): readonly string[] {
  const ends = args.findIndex(
    (word) =>
      word === "--" || ((verb === "develop" || verb === "shell") && (word === "-c" || word === "--command")),
  );
  return ends < 0 ? args : args.slice(0, ends);
}

interface Scanned {
  readonly files: string[];
  readonly attrs: string[];
  readonly argstr: Record<string, string>;
  file: string | undefined;
}

function scan(args: readonly string[]): Scanned {
  const scanned: Scanned = { files: [], attrs: [], argstr: {}, file: undefined };
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    const value = () => args[++i] ?? missing(word);
    if (Object.hasOwn(REFUSED, word))
      throw new UnadmittableError(`${word} brings in something that nobody signed`, REFUSED[word]!);
    if (word === "-A" || word === "--attr") scanned.attrs.push(value());
    else if (word === "-f" || word === "--file") scanned.file = value();
    else if (word === "--argstr") scanned.argstr[value()] = value();
    else if (Object.hasOwn(VALUES, word)) i += VALUES[word]!;
    else if (!word.startsWith("-")) scanned.files.push(word);
  }
  return scanned;
}

function missing(option: string): never {
  throw new UnadmittableError(`${option} lacks its value`, "see nix --help");
}
