/**
 * A source whose files bob has read, as far as an evaluation reads them, with `firstmile review`; and
 * commits on top of that by people who sign nothing. None of them changes a file that was read.
 */
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { readStatements } from "@firstmile/local/statements/read";
import { derivationText, GateWorld } from "../src/gate-world.ts";
import type { Ended } from "../src/nix-process.ts";
import type { NixVersion } from "../src/nix-world.ts";
import { signingEnv } from "../src/world-people.ts";
import type { Changes } from "../src/world-repository.ts";
import { type Admission, askAdmission, sendObjects } from "./gate-answers.ts";

const say = (name: string, what: string) => derivationText(name, `${what}; echo done > $out`);
const names = (dir: string) => `\${builtins.toString (builtins.attrNames (builtins.readDir ${dir}))}`;

/** What people packaged: each depends on something that is not the content of a file. */
export const FILES: Changes = {
  "default.nix": `{
    names = ${say("names", `for h in ${names("./hooks")}; do echo $h; done`)};
    aliased = ${say("aliased", `for h in ${names("./alias")}; do echo $h; done`)};
    patches = ${derivationText("patches", "cat $patches > $out", `patches = map (n: ./patches + "/\${n}") (builtins.attrNames (builtins.readDir ./patches));`)};
    counted = ${say("counted", 'echo ${toString (builtins.length (builtins.filter (n: n == "one") (builtins.attrNames (builtins.readDir ./hooks))))}')};
    copied = ${derivationText("copied", "ls $src > $out", "src = ./src;")};
    strict = ${say("strict", '${if builtins.pathExists ./strict then "check" else "true"}')};
    relaxed = ${say("relaxed", '${if builtins.pathExists ./relaxed then "true" else "check"}')};
    types = ${say("types", "echo ${builtins.toJSON (builtins.readDir ./types)}")};
    chosen = ${say("chosen", '${if builtins.pathExists ./override.nix then import ./override.nix else "true"}')};
  }`,
  "hooks/one": "1\n",
  alias: { mode: 0o120000, content: "hooks" },
  "patches/1-fix-cve.patch": "fix\n",
  "patches/2-more.patch": "more\n",
  "src/main.sh": "main\n",
  "src/hardening.sh": "hard\n",
  strict: "\n",
  "types/a": "a\n",
  "types/b": "b\n",
};
const ATTRS = ["names", "aliased", "patches", "counted", "copied", "strict", "relaxed", "types", "chosen"];

export class ListingsWorld implements AsyncDisposable {
  readonly gate: GateWorld;
  readonly base: CommitId;

  static async open(version: NixVersion): Promise<ListingsWorld> {
    const policy = { roles: { reader: ["bob"] } };
    const gate = await GateWorld.make({ version, files: { README: "x\n" }, policy });
    const introduction = gate.source.tip();
    const base = await gate.commit(FILES, gate.bob);
    const rules = [{ paths: ["**"], review: "reader" }];
    await gate.changeRules({ sources: { pkgs: { introduction, authenticate: "slice", rules } } });
    await gate.startGate();
    const world = new ListingsWorld(gate, base);
    await world.read();
    return world;
  }

  private constructor(gate: GateWorld, base: CommitId) {
    this.gate = gate;
    this.base = base;
  }

  /** Bob reads all that the attributes read, in one sitting, and signs that. */
  private async read(): Promise<void> {
    const { gate } = this;
    const out = join(gate.nix.dir, "read");
    const env = signingEnv(gate.bob, { "user.name": "bob", "user.email": "bob@example.org" });
    const attrs = ATTRS.flatMap((attr) => ["-A", attr]);
    const ended = await gate.run(gate.program, ["review", ".", "HEAD", ...attrs, "--yes", "--to", out], {
      env,
    });
    if (ended.code !== 0) throw new Error(`${ended.stdout}${ended.stderr}`);
    const { found } = await readStatements([{ kind: "directory", path: out }]);
    await gate.carry(...found.map(({ envelope }) => envelope));
    await sendObjects(gate, this.base);
  }

  /** An unsigned commit on top of what was read. */
  async changed(files: Changes): Promise<CommitId> {
    const { source } = this.gate;
    const commit = await source.commit({ files, parents: [this.base], branch: "theirs" });
    await sendObjects(this.gate, commit);
    return commit;
  }

  admit(attr: string, commit: CommitId): Promise<Admission> {
    return askAdmission(this.gate, attr, "file", { commit });
  }

  check(attr: string, commit: CommitId): Promise<Ended> {
    const { dir } = this.gate.source;
    return this.gate.firstmile("check", `${this.base}..${commit}`, "-A", attr, "--repository", dir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gate[Symbol.asyncDispose]();
  }
}
