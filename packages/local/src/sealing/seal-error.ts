/** A machine that cannot seal an evaluation, and the reason that a person reads then. */
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";

export class SealError extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string = NEEDED) {
    super(message);
    this.name = "SealError";
    this.remedy = remedy;
  }
}

const NEEDED =
  "install bubblewrap and util-linux, and run this as root or where user namespaces are allowed " +
  "(sysctl user.max_user_namespaces above 0)";

/** Nothing is evaluated where the kernel does not hold it. */
export function sealUnavailable(error: SealError): Reason {
  const message = `this machine cannot seal an evaluation off from its files: ${error.message}`;
  return lacking("seal-unavailable", message, { remedy: error.remedy });
}
