/**
 * What `nix develop` and `nix print-dev-env` build in place of a derivation: the same inputs and variables, but a
 * script that writes down the environment in place of the builder's arguments. It is another .drv that no
 * evaluation gives, so whoever allows builds by .drv computes it from the one that was evaluated.
 *
 * Leaves out `nix-shell`, which builds only the inputs, and builders other than bash, which Nix refuses.
 * Source: Nix 2.8 to 2.35 read release by release; 2.8 also run, see the tests.
 */
import { decodeHex } from "../bytes/text.ts";
import type { Derivation, DerivationOutput } from "./derivation.ts";
import { hashDerivationModulo, type InputHashes } from "./derivation-hash.ts";
import { hashPlaceholder } from "./derivation-resolve.ts";
import { topLevelMembers } from "./json.ts";
import { outputPath, STORE_DIR, type StorePath, textStorePathOf } from "./store-path.ts";

/** How some releases of Nix make the derivation. */
export interface DevShellForm {
  /** First and last release, for people. */
  readonly releases: string;
  /** SHA-256 of the `get-env.sh` that these releases put into the store, in hex. */
  readonly getEnvScript: string;
  /** Whether the variable `name` becomes the new name, as since 2.13. */
  readonly renames: boolean;
  /**
   * What becomes of the outputs. `paths`: each gets a path for the new name. `placeholders`: none has one, as up to
   * 2.32 with `ca-derivations` on. `known-paths`: as since 2.33, outputs without a path before building stay so.
   */
  readonly outputs: "paths" | "placeholders" | "known-paths";
  /** Whether `outputChecks` is taken out of structured attributes, as since 2.33. */
  readonly structuredChecks: boolean;
}

const SCRIPT_2_8 = "0fd7fe04e2600d079b498972738b81fb9e97e409b77f42395210d92c78d9e740";
const SCRIPT_2_11 = "8adc1af542aa96601854b7450e74547cb8775d401e9b2f9b0049d5220f8fcc40";
const SCRIPT_2_19 = "5a8f528c770e89cb90197f7ffaf647ab98da8819f2d9f9b05e13718e6bfc0f19";
const SCRIPT_2_22 = "9d677a27b9ea8b441ae9c2ccf60bba594f5c06ce5ce69b10929770e78baeadbf";
const SCRIPT_2_32 = "806fbd85b9e612faa0030a87908e3f42296cee3a60f192fd8b889b4fdb36a180";

/** Up to 2.32 the experimental feature `ca-derivations` changed the form of every derivation. */
function untilNix232(releases: string, getEnvScript: string, renames: boolean): DevShellForm[] {
  const form = { releases, getEnvScript, renames, structuredChecks: false };
  return [
    { ...form, outputs: "paths" },
    { ...form, outputs: "placeholders" },
  ];
}

/** Every form from Nix 2.8 to 2.35. */
export const DEV_SHELL_FORMS: readonly DevShellForm[] = [
  ...untilNix232("2.8 - 2.10", SCRIPT_2_8, false),
  ...untilNix232("2.11 - 2.12", SCRIPT_2_11, false),
  ...untilNix232("2.13 - 2.18", SCRIPT_2_11, true),
  ...untilNix232("2.19 - 2.21", SCRIPT_2_19, true),
  ...untilNix232("2.22 - 2.31", SCRIPT_2_22, true),
  ...untilNix232("2.32", SCRIPT_2_32, true),
  {
    releases: "2.33 - 2.35",
    getEnvScript: SCRIPT_2_32,
    renames: true,
    outputs: "known-paths",
    structuredChecks: true,
  },
];

/** The store path of a form's `get-env.sh`. */
export function getEnvScriptPath(form: DevShellForm, storeDir: string = STORE_DIR): StorePath {
  return textStorePathOf("get-env.sh", decodeHex(form.getEnvScript), [], storeDir);
}

const CHECKS = ["allowedReferences", "allowedRequisites", "disallowedReferences", "disallowedRequisites"];

/** The name of a derivation's development shell: what its .drv is called. */
export function devShellName(name: string): string {
  return `${name}-env`;
}

/**
 * The derivation that a form makes of `drv`, called `devShellName(name)`. Undefined where Nix would refuse: the
 * builder is not bash. Where its outputs are deferred, Nix builds it resolved: see `resolveDerivation`.
 * Throws `MissingInput`.
 */
export function devShellDerivation(
  drv: Derivation,
  name: string,
  inputHashes: InputHashes,
  form: DevShellForm,
  storeDir: string = STORE_DIR,
): Derivation | undefined {
  if (!/(^|\/)bash\/*$/.test(drv.builder)) return undefined;
  const script = getEnvScriptPath(form, storeDir);
  const shell: Derivation = {
    ...drv,
    args: [script],
    inputSrcs: [...new Set([...drv.inputSrcs, script])].sort(),
    env: withoutChecks(drv, form),
  };
  if (form.renames) (shell.env as Map<string, string>).set("name", devShellName(name));
  return withShellOutputs(shell, devShellName(name), inputHashes, form, storeDir);
}

/** The checks on outputs would refuse what the script writes. */
function withoutChecks(drv: Derivation, form: DevShellForm): Map<string, string> {
  const env = new Map(drv.env);
  const structured = env.get("__json");
  if (structured !== undefined && form.structuredChecks) {
    env.set("__json", withoutMember(structured, "outputChecks"));
  } else for (const check of CHECKS) env.delete(check);
  return env;
}

/** Takes the bytes of one member out of an object, so that the others keep their spelling. */
function withoutMember(json: string, key: string): string {
  const members = topLevelMembers(json).filter((member) => member.key !== key);
  return `{${members.map(({ start, end }) => json.slice(start, end)).join(",")}}`;
}

function withShellOutputs(
  drv: Derivation,
  name: string,
  inputHashes: InputHashes,
  form: DevShellForm,
  storeDir: string,
): Derivation {
  const outputs = new Map<string, DerivationOutput>(drv.outputs);
  const env = new Map(drv.env);
  for (const [outputName, output] of drv.outputs) {
    if (form.outputs === "known-paths" && !("path" in output) && output.kind !== "deferred") continue;
    outputs.set(outputName, { kind: "deferred" });
    if (form.outputs === "placeholders") env.set(outputName, hashPlaceholder(outputName));
    else if (form.outputs === "paths" || output.kind !== "deferred") env.set(outputName, "");
  }
  const deferred: Derivation = { ...drv, outputs, env };
  return form.outputs === "placeholders" ? deferred : filledIn(deferred, name, inputHashes, form, storeDir);
}

/** Gives deferred outputs the paths that follow from everything else. */
function filledIn(
  drv: Derivation,
  name: string,
  inputHashes: InputHashes,
  form: DevShellForm,
  storeDir: string,
): Derivation {
  const modulo = hashDerivationModulo(drv, name, inputHashes, true, storeDir);
  if (modulo.kind === "deferred" && form.outputs === "known-paths") return drv;
  const outputs = new Map<string, DerivationOutput>(drv.outputs);
  const env = new Map(drv.env);
  for (const [outputName, hash] of modulo.outputs) {
    if (drv.outputs.get(outputName)?.kind !== "deferred") continue;
    const path = outputPath(hash, outputName, name, storeDir);
    outputs.set(outputName, { kind: "input-addressed", path });
    if (form.outputs === "paths" || !env.get(outputName)) env.set(outputName, path);
  }
  return { ...drv, outputs, env };
}

export interface DevShell {
  readonly form: DevShellForm;
  /** Without `.drv`. */
  readonly name: string;
  readonly derivation: Derivation;
}

/** What any release from 2.8 to 2.35 would build for the development shell of `drv`. Throws `MissingInput`. */
export function devShellDerivations(
  drv: Derivation,
  name: string,
  inputHashes: InputHashes,
  storeDir: string = STORE_DIR,
): DevShell[] {
  return DEV_SHELL_FORMS.flatMap((form) => {
    const derivation = devShellDerivation(drv, name, inputHashes, form, storeDir);
    return derivation ? [{ form, name: devShellName(name), derivation }] : [];
  });
}
