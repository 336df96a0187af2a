import type { TokenUsage } from '@tuneloop/app/internal/prompt/chat-message';
import { costPer1k, type Tariff } from '../core/evaluation/cost.ts';
import { usdText } from '../core/text/format.ts';
import { TuneloopError } from '../errors.ts';

/** The cost of the requests of one activity, while it runs. */
export class Spending {
  readonly #tariff: Tariff;
  readonly #limitUsd: number;
  #spentUsd = 0;
  #dearestUsd: number;
  #inFlight = 0;

  /**
   * @param limitUsd null for no limit.
   * @param before the cost of earlier attempts.
   * @param dearestUsd the assumed cost of a row, until a more expensive one is seen.
   */
  constructor(tariff: Tariff, limitUsd: number | null, before: Iterable<TokenUsage>, dearestUsd = 0) {
    this.#tariff = tariff;
    this.#dearestUsd = dearestUsd;
    // Time on a machine of one's own is not money that a limit could save.
    this.#limitUsd = limitUsd === null || tariff.kind !== 'tokens' ? Number.POSITIVE_INFINITY : limitUsd;
    for (const usage of before) this.add(usage);
  }

  /** USD, null where no price is known. */
  get usd(): number | null {
    return this.#tariff.kind === 'unknown' ? null : this.#spentUsd;
  }

  /** @throws TuneloopError BUDGET_EXCEEDED where the money does not cover one more row at the highest cost so far. */
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

  /** Books the costs of earlier attempts. */
  add(usage: TokenUsage): void {
    const usd = (costPer1k(this.#tariff, usage, 0) ?? 0) / 1000;
    this.#spentUsd += usd;
    this.#dearestUsd = Math.max(this.#dearestUsd, usd);
  }
}
