/** Who and what takes part: one value that the steps of the story hand on. */
import type { Verdict } from "@firstmile/trust/verdict/verdict";
import { Machine } from "./machines.ts";
import { Person, type PersonName } from "./people.ts";
import type { Screen } from "./screen.ts";
import type { Expectation, Table } from "./table.ts";
import type { Workplace } from "./workplace.ts";

export interface Scene {
  readonly workplace: Workplace;
  readonly screen: Screen;
  readonly table: Table;
  readonly people: Readonly<Record<PersonName, Person>>;
  /** Two builders of two operators, with stock Nix and nothing of Firstmile. */
  readonly one: Machine;
  readonly two: Machine;
  /** The machine that Firstmile guards. */
  readonly laptop: Machine;
  /** A machine that only follows dave's rules, and builds nothing. */
  readonly desktop: Machine;
  /** A host of Git repositories that takes whatever anybody pushes. */
  readonly server: string;
}

export function makeScene(workplace: Workplace, screen: Screen, table: Table): Scene {
  const person = (name: PersonName) => new Person(workplace, screen, name);
  return {
    workplace,
    screen,
    table,
    people: {
      alice: person("alice"),
      bob: person("bob"),
      carol: person("carol"),
      dave: person("dave"),
      mallory: person("mallory"),
    },
    one: new Machine(workplace, screen, "builder-one"),
    two: new Machine(workplace, screen, "builder-two"),
    laptop: new Machine(workplace, screen, "laptop"),
    desktop: new Machine(workplace, screen, "desktop"),
    server: workplace.make("server"),
  };
}

/**
 * Asks the laptop for what is checked out in `dir`: shows the command as a person gives it, then notes the
 * verdict on the same question. `naming`: shows the whole answer, which has to name these.
 */
export async function ask(
  { laptop, table, screen }: Scene,
  dir: string,
  what: readonly string[],
  expected: Expectation,
  naming: readonly string[] = [],
): Promise<void> {
  const admit = ["firstmile", "admit", ...what];
  const nix = ["firstmile", "nix", what[0] === "-A" ? "nix-build" : "build", ...what];
  // What is allowed here is only admitted: a later attack needs it to be unbuilt.
  const shown = expected.allowed && what[0] === "-A" ? admit : nix;
  const asked = await laptop.types(dir, ...shown);
  if (naming.length > 0) screen.output(asked.stdout);
  const again = await laptop.tries(dir, ...admit, "--json");
  const [answer] = again.stdout.startsWith("[") ? (JSON.parse(again.stdout) as { verdict: Verdict }[]) : [];
  const wanted = expected.allowed ? 0 : 1;
  const facts = [
    { what: `${shown.join(" ")} ends with ${wanted}`, holds: asked.code === wanted },
    ...naming.map((name) => ({ what: `the answer names ${name}`, holds: asked.stdout.includes(name) })),
  ];
  table.judge(expected, answer?.verdict, facts, naming.length > 0);
}

/** What the laptop's gate refused last; undefined where that was not about `name`. */
export async function lastRefusal({ laptop }: Scene, name: string): Promise<Verdict | undefined> {
  const verdict = asVerdict((await laptop.tries(".", "firstmile", "why", "--last", "--json")).stdout);
  return verdict && JSON.stringify(verdict.subject).includes(name) ? verdict : undefined;
}

/** The verdict on a store path or commit, as `firstmile why` gives it. */
export async function why({ laptop }: Scene, dir: string, subject: string): Promise<Verdict | undefined> {
  return asVerdict((await laptop.tries(dir, "firstmile", "why", subject, "--json")).stdout);
}

/** What `firstmile … --json` printed; undefined where it printed no verdict. */
export function asVerdict(json: string): Verdict | undefined {
  if (!json.startsWith("{")) return undefined;
  const value = JSON.parse(json) as Partial<Verdict>;
  return typeof value.allowed === "boolean" && Array.isArray(value.reasons) ? (value as Verdict) : undefined;
}
