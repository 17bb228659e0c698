/** A source of which only read files count, its rules in a directory, and people who review it by the command line. */
import { readStatements } from "@firstmile/local/statements/read";
import { statementIn } from "@firstmile/local/statements/sign";
import type { Person, World, WorldRepository } from "@firstmile/testing/world";
import { signingEnv } from "@firstmile/testing/world-people";
import type { PolicySpec, RuleSpec } from "@firstmile/testing/world-policy";
import { type Changes, emailOf } from "@firstmile/testing/world-repository";

export const READ: RuleSpec = { paths: ["**"], review: "reader", waive: "root" };
/** Twelve lines, so that one that changes is less than all of them. */
export const LONG = Array.from({ length: 12 }, (_, i) => `line ${i} of a file that somebody reads\n`).join(
  "",
);
export const CHANGED = LONG.replace("line 5", "line five");

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What `--json` says of one sitting. */
export interface Said {
  readonly files: readonly { path: string; before: string | null; verdict: string; lines: number }[];
  readonly statements: readonly { name: string; fresh: boolean }[];
  readonly before: { readonly open: number };
  readonly now: { readonly open: number };
}

export interface SliceStory {
  readonly repository: WorldRepository;
  readonly policy: string;
  /** A command line of somebody, judged by the story's rules. */
  types(person: Person, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  /** One sitting at the files of main that `paths` name; all of them unless told. */
  review(person: Person, ...args: readonly string[]): Promise<Ended>;
  /** Approves what is left, and says what that came to. */
  approves(person: Person, ...args: readonly string[]): Promise<Said>;
  /** Statements that the repository carries. */
  signed(): Promise<ReturnType<typeof statementIn>[]>;
}

export async function sliceStory(
  world: World,
  people: readonly Person[],
  files: Changes,
  { rules = [READ], ...more }: { rules?: readonly RuleSpec[] } & Partial<PolicySpec> = {},
): Promise<SliceStory> {
  const repository = await world.repository("pkgs");
  const introduction = await repository.commit({ files: { "README.md": "hello\n" } });
  await repository.commit({ files });
  const policy = await world.policyDirectory({
    people,
    roles: { reader: people, ...more.roles },
    sources: { pkgs: { introduction, authenticate: "slice", rules } },
    ...more,
  });
  const types = async (person: Person, args: readonly string[], env = {}): Promise<Ended> => {
    const own = signingEnv(person, { "user.email": emailOf(person.name) });
    const told = await world.firstmile([...args, "--policy", policy], { env: { ...own, ...env } });
    return { code: told.code, stdout: told.stdout.toString(), stderr: told.stderr };
  };
  const review = (person: Person, ...args: readonly string[]) => {
    const paths = args.includes("--path") || args.includes("-A") ? [] : ["--path", "."];
    return types(person, ["review", repository.dir, "main", ...paths, ...args]);
  };
  return {
    repository,
    policy,
    types,
    review,
    approves: async (person, ...args) => {
      const { code, stdout, stderr } = await review(person, "--yes", "--json", ...args);
      if (code !== 0) throw new Error(`${code} ${stdout}${stderr}`);
      return JSON.parse(stdout);
    },
    signed: async () => {
      const { found } = await readStatements([{ kind: "ref", repository: repository.dir }]);
      return found.map(({ envelope }) => statementIn(envelope));
    },
  };
}
