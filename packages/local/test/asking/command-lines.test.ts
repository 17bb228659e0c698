/** What is asked of the gate for each Nix command line, and which are refused before Nix sees them. */
import { describe, expect, test } from "vitest";
import { parseFlakeReference } from "../../src/asking/flake-reference.ts";
import { readNixCommand, UnadmittableError } from "../../src/asking/nix-command.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

const file = (file: string, attrs: string[] = [], argstr = {}) => ({ kind: "file", file, attrs, argstr });
const flake = (verb: string, ...references: string[]) => ({ kind: "flake", verb, references });

describe("command lines", () => {
  test.each<[string, object]>([
    ["nix-build", file("default.nix")],
    ["nix-build -A hello", file("default.nix", ["hello"])],
    ["nix-build x.nix -A a --attr b", file("x.nix", ["a", "b"])],
    ["nix-build -A a x.nix --no-out-link", file("x.nix", ["a"])],
    ["nix-build -o out -j 4 --cores 2 x.nix", file("x.nix")],
    ["nix-build --argstr v 1 --argstr w 2", file("default.nix", [], { v: "1", w: "2" })],
    ["nix-build --option sandbox true x.nix", file("x.nix")],
    ["nix-build --keep-going --keep-failed -k -K", file("default.nix")],
    ["nix-shell", file("shell.nix|default.nix")],
    ["nix-shell --run ls --pure", file("shell.nix|default.nix")],
    ["nix-shell x.nix --command true", file("x.nix")],
    ["nix build", flake("build", ".")],
    ["build", flake("build", ".")],
    ["nix build .#a .#b", flake("build", ".#a", ".#b")],
    ["nix build -L --no-link .#a", flake("build", ".#a")],
    ["nix build -f x.nix a b", file("x.nix", ["a", "b"])],
    ["nix run .#a -- -E x --impure", flake("run", ".#a")],
    ["nix run .#a x y", flake("run", ".#a")],
    ["nix develop", flake("develop", ".")],
    ["nix develop .#a -c make -E", flake("develop", ".#a")],
    ["nix shell .#a .#b --command x", flake("shell", ".#a", ".#b")],
  ])("%s", (line, asked) => {
    expect(readNixCommand(line.split(" ")).asked).toEqual(asked);
  });

  test.each([
    "nix-build -E 1",
    "nix-build --expr 1",
    "nix-build --arg a 1",
    "nix-shell -p hello",
    "nix-shell --packages hello",
    "nix build --impure",
    "nix build --expr 1",
    "nix build --override-input a b",
    "nix build --update-input a",
    "nix build --recreate-lock-file",
    "nix-build a.nix b.nix",
    "nix-build --argstr a",
    "nix-build -A",
    "nix flake update",
    "nix eval .#a",
    "nix",
    "nix-env -i x",
    "nix-store -r x",
    "--help",
    "nix build --file",
  ])("refused: %s", (line) => {
    expect(() => readNixCommand(line.split(" "))).toThrow(UnadmittableError);
  });

  test("what runs is what was typed", () => {
    const words = ["nix-build", "-A", "a b", "--argstr", "x", "$(id)"];
    expect(readNixCommand(words)).toMatchObject({ program: "nix-build", args: words.slice(1) });
    expect(readNixCommand(["build", ".#a"])).toMatchObject({ program: "nix", args: ["build", ".#a"] });
  });

  test("names of Object's own properties are no options", () => {
    expect(readNixCommand(["nix-build", "constructor", "-A", "__proto__"]).asked).toEqual(
      file("constructor", ["__proto__"]),
    );
    expect(readNixCommand(["nix-build", "toString"]).asked).toEqual(file("toString"));
  });
});

describe("flake references", () => {
  const local = (path: string, attr = "default") => ({ kind: "local", path, attrs: [attr] });
  const remote = (url: string, attr = "default", dir = "") => ({
    kind: "remote",
    url,
    commit: COMMIT,
    dir,
    attrs: [attr],
  });
  test.each<[string, object]>([
    [".", local(".")],
    [".#a", local(".", "a")],
    ["", local(".")],
    ["#a", local(".", "a")],
    ["./sub#a.b", local("./sub", "a.b")],
    ["/abs#a^out", local("/abs", "a")],
    ["path:./x", local("./x")],
    [`github:o/r/${COMMIT}#a`, remote("https://github.com/o/r", "a")],
    [`github:o/r?rev=${COMMIT}`, remote("https://github.com/o/r")],
    [`github:o/r/${COMMIT}?dir=sub#a`, remote("https://github.com/o/r", "a", "sub")],
    [`git+https://e.org/r.git?rev=${COMMIT}&ref=main#a`, remote("https://e.org/r.git", "a")],
    [`git+file:///r?dir=d&rev=${COMMIT}`, remote("file:///r", "default", "d")],
  ])("%s", (text, reference) => {
    expect(parseFlakeReference(text)).toEqual(reference);
  });

  test.each([
    "nixpkgs#hello",
    "nixpkgs",
    "flake:nixpkgs",
    "github:o/r",
    "github:o/r/main",
    "github:o/r/v1.0#a",
    "github:o",
    "github:o/r/a/b",
    "git+https://e.org/r",
    "git+https://e.org/r?rev=abc",
    `github:o/r/${COMMIT.toUpperCase()}`,
    "tarball+https://e.org/x.tar.gz",
    "https://e.org/x.tar.gz",
    "hg+https://e.org/r",
    "git+not a url",
    "-A",
    "--impure",
  ])("refused: %s", (text) => {
    expect(() => parseFlakeReference(text)).toThrow(UnadmittableError);
  });
});
