import { runTheme } from "./attack.ts";
import { openPgpCertificates } from "./openpgp-certificates.ts";

runTheme(openPgpCertificates);
