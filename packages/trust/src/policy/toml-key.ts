/** A name as a key of TOML 1.0: bare where it can be, quoted where a dot in it would begin another table. */
export function tomlKey(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name);
}
