/** What Nix says in a seal about the seal, and not about the expression. */

const NOISE = [
  /^GC Warning: .*$/,
  /^.*unable to load nss_dns backend.*$/,
  /^warning: (?:the group 'nixbld' specified in 'build-users-group' does not exist|unknown setting '[^']*')$/,
  /^warning: you did not specify '--add-root'.*$/,
  /^warning: '[^']*' is (?:in the Nix store|deprecated).*$/,
];

/** Without it, and with the places of files as they are called in their repository: the mount point is taken away. */
export function withoutSeal(stderr: string, mountPoints: readonly (string | RegExp)[]): string {
  const lines = stderr.split("\n").filter((line) => !NOISE.some((noise) => noise.test(line.trim())));
  let said = lines.join("\n");
  for (const mountPoint of mountPoints) said = said.replaceAll(mountPoint, "");
  return said;
}
