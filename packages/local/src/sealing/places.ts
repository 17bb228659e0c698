/** Where things are in a seal. All but the store, the trees and Nix's libraries is below one directory. */

const OWN = "/.seal";

export const SEALED = {
  programs: `${OWN}/bin`,
  home: `${OWN}/home`,
  temporary: `${OWN}/tmp`,
  state: `${OWN}/state`,
  configuration: `${OWN}/etc`,
} as const;

/** Where a tree is seen that people know by this name of its directory: paths such as `./.` take it. */
export function treePlace(directoryName: string): string {
  return `/tree/${directoryName}`;
}

/** The environment inside, whole. USER: 2.8 asks for the caller's name. */
export function sealedEnvironment(storeDir: string): Readonly<Record<string, string>> {
  return {
    USER: "sealed",
    HOME: SEALED.home,
    TMPDIR: SEALED.temporary,
    PATH: SEALED.programs,
    LC_ALL: "C.UTF-8",
    NIX_STORE_DIR: storeDir,
    NIX_STATE_DIR: SEALED.state,
    NIX_LOG_DIR: `${SEALED.state}/log`,
    NIX_CONF_DIR: SEALED.configuration,
    NIX_REMOTE: "local",
    NIX_USER_CONF_FILES: "/dev/null",
    // Set and empty: unset, channels are looked up.
    NIX_PATH: "",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_TERMINAL_PROMPT: "0",
  };
}
