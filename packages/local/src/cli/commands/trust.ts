/** `firstmile trust add | update | show`. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { FormatError } from "@firstmile/formats/bytes/error";
import { parseCommitId } from "@firstmile/formats/git/object-id";
import { groupText } from "@firstmile/trust/policy/group-text";
import type { Policy } from "@firstmile/trust/policy/policy";
import type { Fingerprint } from "@firstmile/trust/signature/outcome";
import { verdict } from "@firstmile/trust/verdict/verdict";
import { trustedStateDirectory } from "../../state/directory.ts";
import { addTrust, currentPolicy, type Followed, updateTrust } from "../../trust-repository/follow.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT } from "../failure.ts";
import type { Terminal } from "../terminal.ts";
import { showVerdict } from "../verdict-tree.ts";
import type { AddFlags, ShowFlags } from "./trust.command.ts";

export async function add(this: FirstmileContext, flags: AddFlags, url: string): Promise<void> {
  const introduction = { commit: wholeId(flags.introduction), signedBy: flags.signedBy.map(fingerprint) };
  const { branch, replace } = flags;
  const where = existsSync(resolve(this.cwd, url)) ? resolve(this.cwd, url) : url;
  this.terminal.progress(`fetching and authenticating ${where}`);
  const followed = await addTrust(this.stateDir, where, introduction, this.now, {
    replace,
    ...(branch === undefined ? {} : { branch }),
  });
  answer(this, followed, flags.json);
}

export async function update(this: FirstmileContext, flags: ShowFlags): Promise<void> {
  this.terminal.progress("fetching and authenticating the trust repository");
  answer(this, await updateTrust(this.stateDir, this.now), flags.json);
}

export async function show(this: FirstmileContext, flags: ShowFlags): Promise<void> {
  const current = await currentPolicy(trustedStateDirectory(this.stateDir), this.now);
  if (!current)
    throw badInput(
      "this machine follows no trust repository",
      "firstmile trust add URL --introduction COMMIT --signed-by FINGERPRINT",
    );
  const { pin, policy, reasons } = current;
  const subject = { kind: "trust repository", name: policy.name, commit: pin.followed } as const;
  if (flags.json) {
    this.terminal.json({
      name: policy.name,
      digest: policy.digest,
      expires: policy.expires,
      ...pin,
      roles: [...policy.roles.keys()],
      sources: [...policy.sources.keys()],
    });
  } else {
    showVerdict(this.terminal, verdict(subject, reasons));
    const day = new Date(pin.updated * 1000).toISOString().slice(0, 16).replace("T", " ");
    this.terminal.print(`from ${pin.url}, last reached ${day}`);
    this.terminal.print(
      `introduction ${pin.introduction.commit}, signed by ${pin.introduction.signedBy.join(", ")}`,
    );
    showPolicy(this.terminal, policy);
  }
  this.exit(reasons.every((reason) => reason.ok) ? EXIT.ok : EXIT.denied);
}

function answer(context: FirstmileContext, followed: Followed, json: boolean): void {
  if (json) context.terminal.json(followed.verdict);
  else showVerdict(context.terminal, followed.verdict);
  if (!json && followed.verdict.allowed) {
    context.terminal.print(progressOf(followed.commits));
  }
  context.exit(followed.verdict.allowed ? EXIT.ok : EXIT.denied);
}

function showPolicy(terminal: Terminal, policy: Policy): void {
  for (const [name, group] of policy.roles) {
    terminal.print(`role ${name}: ${groupText(group)}`);
  }
  for (const source of policy.sources.values()) {
    terminal.print(
      `source ${source.name}: ${source.authenticate} from ${source.introduction.commit.slice(0, 12)}, ${source.rules.length} rules`,
    );
  }
  if (policy.output)
    terminal.print(`output: ${policy.output.builders} agree, caches ${policy.output.caches.join(", ")}`);
}

function wholeId(text: string): ReturnType<typeof parseCommitId> {
  try {
    return parseCommitId(text.toLowerCase());
  } catch (error) {
    if (error instanceof FormatError)
      throw badInput(`${text} is no whole commit id`, "give all 40 (or 64) hexadecimal digits");
    throw error;
  }
}

/** As people copy them: OpenPGP with or without spaces, SSH as ssh-keygen prints it. */
function fingerprint(text: string): Fingerprint {
  if (/^SHA256:[A-Za-z0-9+/]{43}$/.test(text)) return text as Fingerprint;
  const hex = text.replace(/[\s:]|^0x/g, "").toUpperCase();
  if (/^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(hex)) return hex as Fingerprint;
  throw badInput(
    `${text} is no key fingerprint`,
    "OpenPGP: all 40 hexadecimal digits (gpg --fingerprint); SSH: SHA256:… (ssh-keygen -l)",
  );
}

function progressOf(commits: number): string {
  if (commits === 0) return "nothing new";
  return commits === 1 ? "1 new commit authenticated" : `${commits} new commits authenticated`;
}
