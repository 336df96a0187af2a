import type { TokenUsage } from '@tuneloop/app/internal/prompt/chat-message';
import { costPer1k, type Tariff } from '../core/evaluation/cost.ts';
import { usdText } from '../core/text/format.ts';
import { TuneloopError } from '../errors.ts';

/** What the requests of one activity cost while it goes on. */
export class Spending {
  readonly #tariff: Tariff;
  readonly #limitUsd: number;
  #spentUsd = 0;
  #dearestUsd: number;
  #inFlight = 0;

  /**
   * @param limitUsd null for no limit.
   * @param before what earlier attempts have paid for.
   * @param dearestUsd what a row is assumed to cost until a dearer one was seen.
   */
  constructor(tariff: Tariff, limitUsd: number | null, before: Iterable<TokenUsage>, dearestUsd = 0) {
    this.#tariff = tariff;
    this.#dearestUsd = dearestUsd;
    // Time on one's own machine is not money that a limit could save.
    this.#limitUsd = limitUsd === null || tariff.kind !== 'tokens' ? Number.POSITIVE_INFINITY : limitUsd;
    for (const usage of before) this.add(usage);
  }

  /** USD, null where no price is known. */
  get usd(): number | null {
    return this.#tariff.kind === 'unknown' ? null : this.#spentUsd;
  }

  /** @throws TuneloopError BUDGET_EXCEEDED where one more row, as dear as the dearest so far, would not be paid for. */
  start(done: string): void {
    if (this.#spentUsd + (this.#inFlight + 1) * this.#dearestUsd > this.#limitUsd) {
      throw new TuneloopError(
        'BUDGET_EXCEEDED',
        `stopped after ${done}: the ${usdText(this.#limitUsd)} that were reserved are spent, because rows cost more than estimated`,
      );
    }
    this.#inFlight += 1;
  }

  end(usage: TokenUsage): void {
    this.#inFlight -= 1;
    this.add(usage);
  }

  /** Books what was paid before. */
  add(usage: TokenUsage): void {
    const usd = (costPer1k(this.#tariff, usage, 0) ?? 0) / 1000;
    this.#spentUsd += usd;
    this.#dearestUsd = Math.max(this.#dearestUsd, usd);
  }
}
