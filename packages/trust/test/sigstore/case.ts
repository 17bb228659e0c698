/** One signature, how it is looked at, and what that must end in. */
import type { CertificateRequest, Leaf, Signing } from "../../../../testing/src/world-sigstore.ts";
import type { SignatureCode } from "../../src/signature/outcome.ts";

export const ALICE = "alice@example.org";
export const ISSUER = "https://accounts.example";
export const MESSAGE = Buffer.from(
  "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@example.org> 1750000000 +0000\n\nfirst\n",
);

export interface Case {
  readonly name: string;
  readonly about: string;
  readonly expect: "valid" | SignatureCode;
  readonly signature: Uint8Array;
  readonly message?: Uint8Array;
  readonly trustedRoot?: Uint8Array;
  readonly identity?: string;
  readonly issuer?: string;
  readonly now?: number;
}

/** A case from what its certificate and its signing have that gitsign's and Fulcio's do not. */
export type Make = (
  name: string,
  expect: Case["expect"],
  about: string,
  how?: Signing & { request?: Partial<CertificateRequest>; leaf?: Leaf },
  more?: Partial<Case>,
) => Case;
