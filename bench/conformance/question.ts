/** A history vector laid out for another tool: its repository, the commits in question, and who may write there. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HistoryVector } from "@firstmile/testing/history-vector";
import { writeVectorRepository } from "@firstmile/testing/history-vector-repository";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { Group, Key, Member, Policy, Source } from "@firstmile/trust/policy/policy";

export interface Writer {
  readonly name: string;
  readonly keys: readonly Key[];
}

/** A question as it is put to a tool of another project. */
export interface Asked {
  readonly vector: HistoryVector;
  /** Room of its own, gone afterwards. */
  readonly dir: string;
  readonly repository: string;
  readonly tip: string;
  readonly introduction: string;
  readonly source: Source;
  readonly policy: Policy;
  /** Everybody whom some rule of the source lets write. */
  readonly writers: readonly Writer[];
}

/** Undefined: a question about a trust repository, which no other tool has. */
export function layOut(vector: HistoryVector, dir: string): Asked | undefined {
  const { question } = vector;
  if (question.kind === "trust") return undefined;
  const loaded = loadPolicy(vector.policy);
  if (!loaded.ok) throw new Error(loaded.defects.map(({ message }) => message).join("\n"));
  const { policy } = loaded;
  const source = [...policy.sources.values()].find(({ name }) => name === question.name)!;
  mkdirSync(dir, { recursive: true });
  const repository = join(dir, "repository.git");
  writeVectorRepository(vector, repository);
  for (const [path, bytes] of vector.policy) writeInto(join(dir, "policy"), path, bytes);
  const names = new Set(source.rules.flatMap(({ write }) => [...peopleOf(write, policy)]));
  const writers = [...policy.principals.values()].filter(({ name }) => names.has(name));
  const introduction = source.introduction.commit;
  return { vector, dir, repository, tip: question.tip, introduction, source, policy, writers };
}

function writeInto(dir: string, path: string, bytes: Uint8Array): void {
  const file = join(dir, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, bytes);
}

export function peopleOf(group: Group, policy: Policy): ReadonlySet<string> {
  return new Set(group.of.flatMap((member) => peopleBehind(member, policy)));
}

function peopleBehind(member: Member, policy: Policy): string[] {
  if (member.kind === "principal") return [member.name];
  if (member.kind === "group") return [...peopleOf(member.group, policy)];
  const role = member.kind === "role" ? policy.roles.get(member.name) : undefined;
  return role ? [...peopleOf(role, policy)] : [];
}

/** The key files of these people in one format. */
export function keyFiles(writers: readonly Writer[], kind: Key["kind"]): string[] {
  const files = writers.flatMap(({ keys }) =>
    keys.flatMap((key) => (key.kind === kind && "file" in key ? [key.file] : [])),
  );
  return [...new Set(files)];
}

/** The commits that the vector's mode looks at, the introduction first, as this machine's Git lists them. */
export function commitsInQuestion(
  { repository, tip, introduction, vector }: Asked,
  env: NodeJS.ProcessEnv,
): string[] {
  if (tip === introduction) return [tip];
  if (vector.mode === "tip") return [introduction, tip];
  const flags = vector.mode === "first-parent" ? ["--first-parent"] : [];
  const args = ["-C", repository, "rev-list", ...flags, tip, `^${introduction}`];
  const listed = execFileSync("git", args, { env, stdio: ["ignore", "pipe", "pipe"] });
  return [introduction, ...listed.toString().split("\n").filter(Boolean)];
}
