/** The commands. Each is loaded when it is called, so that `firstmile verify` does not pay for the gate. */
import { type Application, buildApplication, buildRouteMap, text_en } from "@stricli/core";
import { admitCommand } from "./commands/admit.command.ts";
import { adoptCommand } from "./commands/adopt.command.ts";
import { auditCommand } from "./commands/audit.command.ts";
import { channelRoutes } from "./commands/channel.command.ts";
import { checkCommand } from "./commands/check.command.ts";
import { cosignCommand } from "./commands/cosign.command.ts";
import { coverageCommand } from "./commands/coverage.command.ts";
import { distrustCommand } from "./commands/distrust.command.ts";
import { doctorCommand } from "./commands/doctor.command.ts";
import { gateCommand } from "./commands/gate.command.ts";
import { handoffCommand } from "./commands/handoff.command.ts";
import { initCommand } from "./commands/init.command.ts";
import { nixCommand } from "./commands/nix.command.ts";
import { nixConfCommand } from "./commands/nix-conf.command.ts";
import { repeatCommand } from "./commands/repeat.command.ts";
import { reviewCommand } from "./commands/review.command.ts";
import { sliceCommand } from "./commands/slice.command.ts";
import { trustRoutes } from "./commands/trust.command.ts";
import { verifyCommand } from "./commands/verify.command.ts";
import { viewCommand } from "./commands/view.command.ts";
import { waiveCommand } from "./commands/waive.command.ts";
import { whyCommand } from "./commands/why.command.ts";
import { withdrawCommand } from "./commands/withdraw.command.ts";
import type { FirstmileContext } from "./context.ts";
import { exitCodeOf, explainFailure } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

export function application(version: string, terminal: Terminal): Application<FirstmileContext> {
  const explain = (error: unknown) => {
    terminal.clearProgress();
    return explainFailure(error, terminal);
  };
  return buildApplication(routes, {
    name: "firstmile",
    versionInfo: { currentVersion: version },
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
    documentation: { caseStyle: "convert-camel-to-kebab", disableAnsiColor: true },
    localization: {
      loadText: () => ({ ...text_en, exceptionWhileRunningCommand: explain, commandErrorResult: explain }),
    },
    determineExitCode: exitCodeOf,
  });
}

const routes = buildRouteMap({
  routes: {
    init: initCommand,
    adopt: adoptCommand,
    trust: trustRoutes,
    verify: verifyCommand,
    slice: sliceCommand,
    view: viewCommand,
    review: reviewCommand,
    check: checkCommand,
    channel: channelRoutes,
    cosign: cosignCommand,
    handoff: handoffCommand,
    waive: waiveCommand,
    distrust: distrustCommand,
    withdraw: withdrawCommand,
    repeat: repeatCommand,
    admit: admitCommand,
    nix: nixCommand,
    gate: gateCommand,
    nixConf: nixConfCommand,
    doctor: doctorCommand,
    why: whyCommand,
    audit: auditCommand,
    coverage: coverageCommand,
  },
  docs: {
    brief: "Nix builds and substitutes only what your keys vouch for",
    fullDescription: "Exit codes: 0 allowed or done, 1 denied, 2 usage or unreadable input, 3 environment.",
  },
});
