import { SCORE } from '../contract/stored/completion.ts';
import type { AnsweredRow, Score } from '../core/evaluation/score.ts';
import { originalProvider, type Pipeline } from '../core/run/pipeline.ts';
import { CompletionCache, questionKey } from '../stores/completion-cache.ts';
import { openScoring, type Scoring, type ScoringOptions } from './scoring.ts';
import type { ScoringDependencies } from './scoring-dependencies.ts';

/** The prompt under which scores are kept, whatever prompt the judge gets. */
interface Kept {
  cache: CompletionCache<Score>;
  address: string;
  model: string;
}

/** Scores of a paid judge are kept like the answers of other models, and not paid again. */
export class KeptScoring implements Scoring {
  readonly #scoring: Scoring;
  readonly #kept: Kept | null;
  #usd: number | null = 0;

  /** @param evaluation names the evaluation: the costs of its earlier attempts count against the limit. */
  static async open(
    dependencies: ScoringDependencies,
    pipeline: Pipeline,
    evaluation: string,
    options: ScoringOptions,
  ): Promise<KeptScoring> {
    const { judge } = pipeline.evaluation;
    if (!judge) return new KeptScoring(await openScoring(dependencies, pipeline, options), null);
    const { address } = dependencies.connectProvider(originalProvider(pipeline)).inference;
    const of = { address, model: judge.model };
    let paidUsd = 0;
    const cache = await CompletionCache.open<Score>(
      dependencies.home,
      of,
      evaluation,
      ({ judgeUsd }) => {
        paidUsd += judgeUsd ?? 0;
      },
      SCORE.is,
    );
    const { judgeLimitUsd } = options;
    const leftUsd = judgeLimitUsd === null ? null : Math.max(0, judgeLimitUsd - paidUsd);
    const scoring = await openScoring(dependencies, pipeline, { ...options, judgeLimitUsd: leftUsd });
    return new KeptScoring(scoring, { cache, ...of });
  }

  private constructor(scoring: Scoring, kept: Kept | null) {
    this.#scoring = scoring;
    this.#kept = kept;
  }

  /** The cost of the judge so far, in USD; null where its price is not known. */
  get usd(): number | null {
    return this.#usd;
  }

  async score(row: AnsweredRow, signal: AbortSignal): Promise<Score> {
    const score = await (this.#kept ? this.#keptScore(this.#kept, row, signal) : this.#scoring.score(row, signal));
    this.#usd = this.#usd === null || score.judgeUsd === null ? null : this.#usd + score.judgeUsd;
    return score;
  }

  async #keptScore({ cache, address, model }: Kept, row: AnsweredRow, signal: AbortSignal): Promise<Score> {
    const texts = [row.input, row.answer, ...row.references];
    const messages = texts.map((content) => ({ role: row.cut ? 'cut' : 'whole', content }));
    const key = questionKey({ address, model, messages, maxOutputTokens: null, temperature: 0 });
    const known = await cache.find(key);
    // A score that an earlier evaluation has paid for costs this one nothing.
    if (known) return known.own ? known.answer : { ...known.answer, judgeUsd: 0 };
    const score = await this.#scoring.score(row, signal);
    if (score.judgeUsd !== 0) {
      cache.add(key, score);
      await cache.written();
    }
    return score;
  }

  async close(): Promise<void> {
    await this.#kept?.cache.close();
  }
}
