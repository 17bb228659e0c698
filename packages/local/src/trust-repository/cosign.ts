/** Adds a co-signature of this user to a commit, as a line of its note below refs/notes/signatures. */
import { COSIGN_NAMESPACE, cosignedText } from "@firstmile/trust/signature/cosignature";
import { resolveRevision } from "../git/neutral.ts";
import { runOk } from "../process/run.ts";
import { signWith, userKey } from "../signing/user-key.ts";

/** Signs the commit that `revision` names with the user's own key. Gives the commit's id. */
export async function cosign(repository: string, revision: string): Promise<string> {
  const commit = await resolveRevision(repository, revision);
  const signature = await signWith(await userKey(repository), cosignedText(commit), COSIGN_NAMESPACE);
  const line = signature.toString("base64");
  await runOk("git", ["-C", repository, "notes", "--ref", "signatures", "append", "-m", line, commit]);
  return commit;
}
