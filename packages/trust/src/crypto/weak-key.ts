/**
 * A public key that proves nothing, whoever holds it: its shape lets a stranger sign in its name, or leaves open
 * what it stands for. Thrown when a key is taken in, so that no signature is ever held against such a key.
 */
export class WeakKeyError extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = "WeakKeyError";
  }
}
