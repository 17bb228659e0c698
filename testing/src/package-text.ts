/**
 * Text in the shape of nixpkgs, drawn from a fixed sequence of numbers: packages of a few families that share most of
 * their wording, as real ones do, so that finding where an edited file came from is as hard as it is there. Nothing of
 * it is anybody's file.
 */
export type Random = () => number;

/** Numbers from 0 to 1, always the same for one seed (mulberry32). */
export function seeded(seed: number): Random {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A package expression: mostly 0.7 to 10 kB, 2.4 kB on average. */
export function packageText(random: Random): string {
  const draw = new Draw(random);
  const family = draw.of(FAMILIES);
  const [name, owner] = [draw.word(), draw.word()];
  const inputs = draw.some(6, () => draw.dependency());
  const attributes = [
    `pname = "${family.prefix}${name}";`,
    `version = "${draw.below(20)}.${draw.below(30)}.${draw.below(10)}";`,
    ...family.fixed,
    `src = ${family.fetcher} {\n${indented([...family.source(owner, name), `hash = "sha256-${draw.hash()}";`])}\n};`,
    ...draw.some(7, () => part(draw, inputs)),
    `meta = {\n${indented(meta(draw, owner, name))}\n};`,
  ];
  const parameters = ["lib", family.builder.split(".")[0]!, family.fetcher, ...new Set(inputs)];
  return `{\n  ${parameters.join(",\n  ")},\n}:\n\n${family.builder} rec {\n${indented(attributes, "\n\n")}\n}\n`;
}

/** The same text after so many edits: a line put in, taken out, written anew, or one of its words changed. */
export function edited(text: string, edits: number, random: Random): string {
  const draw = new Draw(random);
  const lines = text.split("\n");
  for (let edit = 0; edit < edits; edit++) {
    const at = draw.below(lines.length);
    const indent = /^\s*/.exec(lines[at]!)![0];
    const written = () => `${indent}${draw.word()} = ${draw.of(["true", "false", `"${draw.word()}"`])};`;
    const kind = lines.length < 2 ? 0 : draw.below(4);
    if (kind === 0) lines.splice(at, 0, written());
    else if (kind === 1) lines.splice(at, 1);
    else if (kind === 2) lines[at] = written();
    else lines[at] = lines[at]!.replace(/[\w.-]+/, () => draw.word());
  }
  return lines.join("\n");
}

interface Family {
  readonly prefix: string;
  readonly builder: string;
  readonly fetcher: string;
  readonly source: (owner: string, name: string) => readonly string[];
  readonly fixed: readonly string[];
}

const hub = (owner: string, name: string) => [
  `owner = "${owner}";`,
  `repo = "${name}";`,
  'tag = "v${version}";',
];
const FAMILIES: readonly Family[] = [
  { prefix: "", builder: "stdenv.mkDerivation", fetcher: "fetchFromGitHub", source: hub, fixed: [] },
  {
    prefix: "",
    builder: "stdenv.mkDerivation",
    fetcher: "fetchurl",
    source: (owner, name) => [`url = "https://${owner}.example.org/${name}/${name}-\${version}.tar.gz";`],
    fixed: ["enableParallelBuilding = true;"],
  },
  {
    prefix: "python-",
    builder: "buildPythonPackage",
    fetcher: "fetchPypi",
    source: () => ["inherit pname version;"],
    fixed: ["pyproject = true;", 'disabled = pythonOlder "3.9";', "build-system = [ setuptools ];"],
  },
  {
    prefix: "perl-",
    builder: "buildPerlPackage",
    fetcher: "fetchurl",
    source: (owner, name) => [`url = "mirror://cpan/authors/id/${owner}/${name}-\${version}.tar.gz";`],
    fixed: ['outputs = [ "out" "devdoc" ];', "doCheck = false;"],
  },
  {
    prefix: "",
    builder: "buildGoModule",
    fetcher: "fetchFromGitHub",
    source: hub,
    fixed: ["vendorHash = null;", 'ldflags = [\n  "-s"\n  "-w"\n];'],
  },
];

function part(draw: Draw, inputs: readonly string[]): string {
  switch (draw.below(7)) {
    case 0:
      return `nativeBuildInputs = [\n${indented(draw.some(4, () => draw.dependency()))}\n];`;
    case 1:
      return `buildInputs = [\n${indented(inputs)}\n]\n++ lib.optionals stdenv.hostPlatform.isDarwin [ ${draw.dependency()} ];`;
    case 2:
      return `patches = [\n${indented(draw.some(2, () => `./${draw.word()}-${draw.word()}.patch`))}\n];`;
    case 3:
      return `cmakeFlags = [\n${indented(draw.some(6, () => `"-D${draw.word().toUpperCase()}_${draw.of(["DIR", "ENABLE", "PREFIX"])}=${draw.of(["ON", "OFF", "${placeholder"])}"`))}\n];`;
    case 4:
      return `${draw.of(["postPatch", "preConfigure", "postInstall", "checkPhase"])} = ''\n${indented(["runHook preHook", ...draw.some(6, () => shell(draw)), "runHook postHook"])}\n'';`;
    case 5:
      return `passthru.tests = {\n${indented(draw.some(3, () => `${draw.word()} = nixosTests.${draw.word()};`))}\n};`;
    default:
      return `# ${draw.sentence()}\n${draw.of(["doCheck = true;", "strictDeps = true;", "dontConfigure = true;", "__structuredAttrs = true;"])}`;
  }
}

function shell(draw: Draw): string {
  const [from, to] = [draw.word(), draw.word()];
  return draw.of([
    `substituteInPlace ${from}/${to}.c --replace-fail "/usr/bin/${from}" "\${${draw.dependency()}}/bin/${from}"`,
    `install -Dm755 ${from} $out/bin/${to}`,
    `mkdir -p $out/share/${from}`,
    `wrapProgram $out/bin/${from} --prefix PATH : \${lib.makeBinPath [ ${draw.dependency()} ]}`,
    `rm -rf $out/lib/${from}/${to}`,
  ]);
}

function meta(draw: Draw, owner: string, name: string): string[] {
  const long = `longDescription = ''\n${indented(draw.some(10, () => draw.sentence()))}\n'';`;
  return [
    `description = "${draw.sentence().slice(0, 60)}";`,
    ...(draw.below(2) === 0 ? [long] : []),
    `homepage = "https://github.com/${owner}/${name}";`,
    `changelog = "https://github.com/${owner}/${name}/releases/tag/v\${version}";`,
    `license = lib.licenses.${draw.of(["mit", "gpl3Plus", "asl20", "bsd3", "lgpl21"])};`,
    `maintainers = with lib.maintainers; [ ${draw.some(2, () => draw.word()).join(" ")} ];`,
    `platforms = lib.platforms.${draw.of(["unix", "linux", "all"])};`,
    ...(draw.below(2) === 0 ? [`mainProgram = "${name}";`] : []),
  ];
}

function indented(parts: readonly string[], between = "\n"): string {
  return parts.map((text) => text.replace(/^(?=.)/gm, "  ")).join(between);
}

const SYLLABLES =
  "ba co da fe gi ho ju ka li mo nu pa qui ro su ta ve wi xo yu zen lib net ser ker tor".split(" ");
const SENTENCE = "a the fast small library tool for of and with that which reads writes files".split(" ");
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

class Draw {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  /** About so many, now and then a lot more. */
  some<Item>(usual: number, make: () => Item): Item[] {
    const count = 1 + Math.floor((usual * this.#random()) / (0.15 + this.#random()));
    return Array.from({ length: count }, make);
  }

  word(): string {
    return Array.from({ length: 2 + this.below(2) }, () => this.of(SYLLABLES)).join("");
  }

  /** One of some thousand names, the first of them in every second file. */
  dependency(): string {
    const rank = Math.floor(4000 ** this.#random());
    return `${this.of(["lib", "", "py"])}${SYLLABLES[rank % SYLLABLES.length]}${rank}`;
  }

  sentence(): string {
    const words = Array.from({ length: 6 + this.below(8) }, () =>
      this.below(2) === 0 ? this.of(SENTENCE) : this.word(),
    );
    return words.join(" ");
  }

  hash(): string {
    return `${Array.from({ length: 43 }, () => this.of([...BASE64])).join("")}=`;
  }
}
