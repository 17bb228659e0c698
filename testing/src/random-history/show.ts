/** A history as text that a person can follow: each commit with its people, parents and changes, and each reading. */
import { type Commit, type Files, pathsOf, type RandomHistory, sameFile, versionOf } from "./history.ts";

export function shown(history: RandomHistory): string {
  const { rules, mode, commits, introduction, reviews } = history;
  return [
    `rules: ${rules.name}; ${mode}`,
    ...rules.rules.map(({ glob, write, review, mergeIsReview }) => {
      const group = ({ any, of }: typeof write) => `${any} of ${of.join(", ")}`;
      const read = review ? `; read by ${group(review)}${mergeIsReview ? ", or by merging" : ""}` : "";
      return `  ${glob}: written by ${group(write)}${read}`;
    }),
    ...commits.map((commit, at) => commitText(history, commit, at, at === introduction)),
    ...reviews.map(
      ({ by, verdict, path, before, after }) =>
        `${by} ${verdict}s ${path}: ${versionOf(before)}  ->  ${versionOf(after)}`,
    ),
  ].join("\n");
}

function commitText({ commits }: RandomHistory, commit: Commit, at: number, isIntroduction: boolean): string {
  const { parents, author, committer, coAuthors, signer, cosigners, move } = commit;
  const others = [
    ...(author === signer ? [] : [`author ${author}`]),
    ...(committer === signer ? [] : [`committer ${committer}`]),
    ...coAuthors.map((name) => `co-author ${name}`),
    ...cosigners.map((name) => `co-signed by ${name}`),
  ];
  const head = `#${at} on ${parents.map((one) => `#${one}`).join(" ") || "nothing"}: ${signer}${others.length > 0 ? ` (${others.join(", ")})` : ""}: ${move}${isIntroduction ? " [introduction]" : ""}`;
  const before: Files = parents.length > 0 ? commits[parents[0]!]!.files : new Map();
  const changed = [...pathsOf([before, commit.files])].filter(
    (path) => !sameFile(before.get(path), commit.files.get(path)),
  );
  return [head, ...changed.map((path) => `      ${path}: ${versionOf(commit.files.get(path))}`)].join("\n");
}
