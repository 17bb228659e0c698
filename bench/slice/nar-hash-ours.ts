/** The NAR hash of a tree, as admission takes it. Arguments: repository, tree. */
import { parseObjectId } from "@firstmile/formats/git/object-id";
import { neutralGit } from "@firstmile/local/git/neutral";
import { GitObjects } from "@firstmile/local/git/objects";
import { treeNarHash } from "@firstmile/local/git/tree-nar-hash";

const git = await neutralGit(process.argv[2]!);
try {
  using objects = new GitObjects(git.env);
  const { narHash } = await treeNarHash(objects, parseObjectId(process.argv[3]!));
  console.log(narHash);
} finally {
  git.dispose();
}
