/**
 * Asks the places of evidence for what is new while the gate runs, so that a distrust is heard soon after a warden
 * publishes it, and a damaged copy is fetched anew. Claim: asking holds up no decision, and a place that fails is told once, when it begins to.
 */
import { currentPolicy } from "../trust-repository/follow.ts";
import { refreshPlaces } from "../trust-repository/refresh.ts";

export interface EvidenceWatchOptions {
  readonly stateDir: string;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly log: (line: string) => void;
}

const EVERY_MS = 600_000;

export class EvidenceWatch {
  private readonly options: EvidenceWatchOptions;
  private timer: NodeJS.Timeout | undefined;
  private asking = false;
  private readonly failing = new Map<string, string>();
  /** What was said of mirrors of sources the last time. */
  private told: ReadonlySet<string> = new Set();

  constructor(options: EvidenceWatchOptions) {
    this.options = options;
  }

  start(): void {
    this.timer = setInterval(() => void this.ask(), EVERY_MS).unref();
    void this.ask();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async ask(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      await this.update();
    } catch (error) {
      this.tell("", error instanceof Error ? error.message : String(error));
    } finally {
      this.asking = false;
    }
  }

  private async update(): Promise<void> {
    const { stateDir, clock, log } = this.options;
    const now = clock();
    const current = await currentPolicy(stateDir, now);
    if (!current) return;
    const { evidence, sources } = await refreshPlaces(stateDir, current.policy, now);
    for (const { url, fresh, problem, lost } of evidence) {
      if (fresh > 0) log(`evidence ${url}: ${fresh} new`);
      for (const line of lost) log(`evidence ${url}: ${line}`);
      this.tell(url, problem);
    }
    for (const line of sources) if (!this.told.has(line)) log(line);
    this.told = new Set(sources);
  }

  private tell(url: string, problem: string | undefined): void {
    if (problem === undefined) this.failing.delete(url);
    else if (this.failing.get(url) !== problem) {
      this.failing.set(url, problem);
      this.options.log(`evidence ${url}: ${problem}`);
    }
  }
}
