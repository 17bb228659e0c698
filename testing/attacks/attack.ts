/**
 * What an attack is, and how a list of them is run, in one world for a whole list: once for each version of Nix, or once
 * where Git and keys are all that is attacked.
 *
 * A list is a module `NAME.ts` that exports a `Theme` or a `GitTheme`; `NAME.test.ts` runs it. docs/attacks.md has a row
 * for each attack, and docs.test.ts compares the two. A test that could hold for the wrong reason has a control beside
 * it: the same thing done honestly works, or the same attack works where its guard is away.
 */
import { afterAll, beforeAll, describe, test } from "vitest";
import { VERSIONS } from "../src/gate-world.ts";
import { missingForNixWorld, type NixVersion } from "../src/nix-world.ts";

export interface Attack<W> {
  /** Its number in docs/attacks.md, for good: a new attack takes the next one that is free. */
  readonly number: number;
  /** What is tried, in the attacker's words. */
  readonly name: string;
  /** Who attacks, where it is not the attacker of the whole list. */
  readonly by?: string;
  /** What held, and why. One sentence. */
  readonly held: string;
  /** The module or document that has the guard, where it is not that of the whole list. */
  readonly guard?: string;
  /** The one version that has what the attack needs; both unless told. */
  readonly only?: NixVersion;
  run(world: W): Promise<void>;
}

export interface Control<W> {
  readonly name: string;
  readonly only?: NixVersion;
  run(world: W): Promise<void>;
}

interface AnyTheme<W> {
  readonly title: string;
  readonly by: string;
  readonly guard: string;
  /** Run before the attacks, in their world. */
  readonly controls: readonly Control<W>[];
  readonly attacks: readonly Attack<W>[];
}

/** A list whose attacks need Nix and a gate. */
export interface Theme<W extends AsyncDisposable> extends AnyTheme<W> {
  open(version: NixVersion): Promise<W>;
}

/** A list whose attacks need Git and keys alone. */
export interface GitTheme<W extends AsyncDisposable> extends AnyTheme<W> {
  readonly needs: "git";
  open(): Promise<W>;
}

/** Registers the tests of a list: `attack 17: …`, for each version of Nix where it needs one. */
export function runTheme<W extends AsyncDisposable>(theme: Theme<W> | GitTheme<W>): void {
  if ("needs" in theme) runOnGit(theme);
  else runOnNix(theme);
}

function runOnGit<W extends AsyncDisposable>(theme: GitTheme<W>): void {
  describe(theme.title, () => {
    let world: W;
    beforeAll(async () => {
      world = await theme.open();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());
    for (const control of theme.controls) test(`control: ${control.name}`, () => control.run(world));
    for (const attack of theme.attacks)
      test(`attack ${attack.number}: ${attack.name}`, () => attack.run(world));
  });
}

function runOnNix<W extends AsyncDisposable>(theme: Theme<W>): void {
  describe.each(VERSIONS)(`${theme.title}, Nix of %s`, (version) => {
    describe.skipIf(missingForNixWorld(version) !== undefined)("on real Nix", () => {
      let world: W;
      beforeAll(async () => {
        world = await theme.open(version);
      });
      afterAll(() => world?.[Symbol.asyncDispose]());
      const mine = <T extends { readonly only?: NixVersion }>(all: readonly T[]) =>
        all.filter(({ only }) => only === undefined || only === version);
      for (const control of mine(theme.controls)) test(`control: ${control.name}`, () => control.run(world));
      for (const attack of mine(theme.attacks))
        test(`attack ${attack.number}: ${attack.name}`, () => attack.run(world));
    });
  });
}
