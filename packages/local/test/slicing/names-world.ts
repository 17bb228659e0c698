/** A source whose derivations are decided by names, one attribute for each way. */
import type { Changes } from "../../../../testing/src/world-repository.ts";

const script = (text: string) =>
  `derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" ${text} ]; }`;

export const FILES: Changes = {
  "default.nix": `let
    inherit (builtins) attrNames readDir pathExists concatStringsSep toJSON filterSource readFile;
    text = names: ${script('"for h in ${toString names}; do echo $h; done > $out"')};
  in {
    names = text (attrNames (readDir ./hooks));
    count = text [ (toString (attrNames (readDir ./hooks) != [ ])) ];
    patches = text (map (n: "\${./patches + "/\${n}"}") (attrNames (readDir ./patches)));
    copied = text [ "\${./src}" ];
    filtered = text [ (filterSource (path: type: type != "symlink") ./src) ];
    strict = text [ (if pathExists ./strict then "strict" else "lax") ];
    types = text [ (toJSON (readDir ./dir)) ];
    linked = text (attrNames (readDir ./alias));
    deep = text (attrNames (readDir ./deep/er));
    imports = text [ (import (if pathExists ./more.nix then ./more.nix else ./less.nix)) ];
  }`,
  "hooks/a.sh": "echo a\n",
  "patches/1-fix-cve.patch": "fix\n",
  "patches/2-paths.patch": "paths\n",
  "src/main.c": "int main;\n",
  "src/hardening.sh": "harden\n",
  strict: "",
  "dir/a": "a",
  "dir/b": "b",
  alias: { mode: 0o120000, content: "dir" },
  "deep/er/one": "1",
  "less.nix": '"less"',
};
export const LISTED = ["hooks", "patches", "src", "dir", "deep/er"];
