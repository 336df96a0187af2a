import type { PromptTemplate } from '@tuneloop/app/internal/prompt/prompt-template';
import { COMPLETION } from '../../contract/stored/completion.ts';
import type { Example } from '../../core/dataset/row.ts';
import type { Completion } from '../../core/evaluation/completion.ts';
import type { Constraint } from '../../core/evaluation/constraint.ts';
import { cachedCostPer1k, cachedTokens, costPer1k, type Tariff, tariffOf } from '../../core/evaluation/cost.ts';
import type { Score } from '../../core/evaluation/score.ts';
import { percentile } from '../../core/evaluation/statistics.ts';
import type { Evaluation, Subject } from '../../core/run/evaluation.ts';
import { messagesFor } from '../../data/rows/messages.ts';
import { completeWithRetries, requestKey } from '../../providers/completion.ts';
import type { Provider } from '../../providers/provider.ts';
import { ProviderError } from '../../providers/provider-error.ts';
import { Spending } from '../../providers/spending.ts';
import type { ArtifactWriter } from '../../stores/artifact-store.ts';
import { CompletionCache } from '../../stores/completion-cache.ts';
import { askBriefly } from '../await-model.ts';
import { prefixTokensOf } from './cached-prefix.ts';
import type { Dependencies } from './dependencies.ts';
import { JudgedRows, latencyFigures, type Prediction } from './judged-rows.ts';

/** The input that the subjects of an evaluation share. */
interface SubjectOptions {
  provider: Provider;
  template: PromptTemplate;
  /** The labels that a classification may answer; null for generation. */
  labels: ReadonlySet<string> | null;
  maxOutputTokens: number | undefined;
  /** What its answers are held to. */
  constraint: Constraint | undefined;
  /** Names the evaluation among all evaluations. */
  evaluation: string;
  rows: number;
}

export interface AnsweredExample {
  index: number;
  example: Example;
  completion: Completion;
  /** Whether this evaluation asked for it, and not an earlier one. */
  own: boolean;
  score: Score;
}

/** After this many consecutive rows that failed for passing reasons, a subject is asked no more in this attempt. */
const STRIKES = 3;

/** The resources that {@link SubjectRows.open} opens. */
interface Opened {
  tariff: Tariff;
  spending: Spending;
  paidRows: number;
  cache: CompletionCache<Completion>;
  writer: ArtifactWriter;
}

/** A failed request costs nothing. */
const NOTHING = { promptTokens: 0, completionTokens: 0 };

/** One subject of an evaluation: asks it, and keeps a few numbers of each row. Texts go to the disk. */
export class SubjectRows {
  readonly subject: Subject;
  /** Answers that an earlier attempt of this evaluation has paid for. */
  readonly paidRows: number;
  readonly #options: SubjectOptions;
  readonly #tariff: Tariff;
  readonly #spending: Spending;
  readonly #prefixTokens: ReturnType<typeof prefixTokensOf> | null;
  readonly #judged: JudgedRows;
  readonly #latencies: number[] = [];
  readonly #serverTimes: number[] = [];
  readonly #tokens = { prompt: 0, completion: 0, cached: 0 };
  readonly #cache: CompletionCache<Completion>;
  readonly #writer: ArtifactWriter;
  #rows = 0;
  #cutInThoughts = 0;
  #refusal: { error: unknown } | undefined;
  #passing: { error: unknown } | undefined;
  #strikes = 0;

  static async open(
    { artifacts, home, prices }: Dependencies,
    subject: Subject,
    options: SubjectOptions,
  ): Promise<SubjectRows> {
    const { provider, evaluation } = options;
    const tuned = subject.kind === 'tuned';
    const tariff = tariffOf(prices, provider.profile.billing, tuned ? subject.baseModel : subject.model, tuned);
    const spending = new Spending(tariff, subject.limitUsd, []);
    let paidRows = 0;
    const of = { address: provider.inference.address, model: subject.model };
    const cache = await CompletionCache.open<Completion>(
      home,
      of,
      `${evaluation} ${subject.id}`,
      (answer) => {
        paidRows += 1;
        spending.add(answer);
      },
      COMPLETION.is,
    );
    return new SubjectRows(subject, options, { tariff, spending, paidRows, cache, writer: await artifacts.open() });
  }

  private constructor(subject: Subject, options: SubjectOptions, opened: Opened) {
    this.subject = subject;
    this.#options = options;
    this.paidRows = opened.paidRows;
    this.#tariff = opened.tariff;
    this.#spending = opened.spending;
    this.#cache = opened.cache;
    this.#writer = opened.writer;
    this.#prefixTokens = subject.kind === 'prompted' ? prefixTokensOf(options.template) : null;
    this.#judged = new JudgedRows(options.labels);
  }

  get spentUsd(): number | null {
    return this.#spending.usd;
  }

  /** Why it has no result: for good, or in this attempt. */
  get failure(): { error: unknown; mayPass: boolean } | undefined {
    if (this.#refusal) return { ...this.#refusal, mayPass: false };
    return this.#passing && { ...this.#passing, mayPass: true };
  }

  /** Whether this attempt no longer asks it. */
  get isOut(): boolean {
    return this.#refusal !== undefined || this.#strikes >= STRIKES;
  }

  /** Takes the failure of a row; a row that failed for a passing reason leaves the others their chance. */
  fails(error: unknown): void {
    if (error instanceof ProviderError && error.retryable) {
      this.#passing ??= { error };
      this.#strikes += 1;
    } else {
      this.#refusal ??= { error };
    }
  }

  succeeds(): void {
    this.#strikes = 0;
  }

  /** One call whose answer does not count: it opens connections and loads the model. */
  async warmUp(): Promise<void> {
    const { model, callAs } = this.subject;
    await askBriefly(this.#options.provider.inference, model, callAs).then(
      (usage) => this.#spending.add(usage),
      () => {},
    );
  }

  /**
   * From the cache, or asked for and kept there.
   *
   * @param asksAnew whether the row is to be timed, so that no answer of an earlier evaluation is used.
   * @throws TuneloopError BUDGET_EXCEEDED, ProviderError, and the errors of `messagesFor`.
   */
  async answerTo(
    example: Example,
    asksAnew: boolean,
    signal: AbortSignal,
  ): Promise<Pick<AnsweredExample, 'completion' | 'own'>> {
    const { provider, template, maxOutputTokens, constraint, rows } = this.#options;
    const { subject } = this;
    const messages = messagesFor(template, example, subject.kind === 'tuned' ? subject.treatment : 'keep-instructions');
    const { model, callAs } = subject;
    const request = { model, callAs, messages, maxOutputTokens, constraint, signal };
    const key = requestKey(provider.inference, request);
    const known = await this.#cache.find(key);
    if (known && (known.own || !asksAnew)) return { completion: known.answer, own: known.own };
    this.#spending.start(`${this.#rows} of ${rows} rows`);
    let usage = NOTHING;
    let completion: Completion;
    try {
      completion = await completeWithRetries(provider.inference, request);
      usage = completion;
    } finally {
      this.#spending.end(usage);
    }
    this.#cache.add(key, completion);
    // The next question waits until this answer is on disk, so that a killed worker loses no more answers than were in flight.
    await this.#cache.written();
    return { completion, own: true };
  }

  /** Takes in a row; one call at a time, in the order of the rows. */
  async take({ index, example, completion, own, score }: AnsweredExample): Promise<void> {
    const { text, promptTokens, completionTokens, latencyMs, serverMs } = completion;
    this.#rows += 1;
    if (completion.cutInThoughts) this.#cutInThoughts += 1;
    this.#judged.add(score, example.completion, text);
    this.#tokens.prompt += promptTokens;
    this.#tokens.completion += completionTokens;
    if (this.#prefixTokens)
      this.#tokens.cached += cachedTokens(
        promptTokens,
        this.#prefixTokens(example),
        this.#options.provider.profile.promptCache,
      );
    if (own) {
      this.#latencies.push(latencyMs);
      this.#serverTimes.push(serverMs);
    }
    const prediction: Prediction = {
      index,
      id: example.id,
      answer: text,
      score: score.score,
      invalid: score.invalid,
      scores: score.scores,
      promptTokens,
      completionTokens,
      latencyMs: own ? latencyMs : null,
    };
    await this.#writer.add(JSON.stringify(prediction));
  }

  /** The figures of all rows. */
  async evaluation(): Promise<Evaluation> {
    const rows = Math.max(1, this.#rows);
    const { prompt, completion, cached } = this.#tokens;
    const usage = { promptTokens: prompt / rows, completionTokens: completion / rows };
    // The median, because on a shared machine the mean mostly reflects the few requests that had to wait for other work.
    const serverMs = percentile(this.#serverTimes, 0.5);
    return {
      model: this.subject.model,
      ...this.#judged.figures(),
      costPer1kUsd: costPer1k(this.#tariff, usage, serverMs),
      cachedCostPer1kUsd: this.#prefixTokens && cachedCostPer1k(this.#tariff, usage, cached / rows),
      ...latencyFigures(this.#latencies),
      predictions: await this.#writer.commit(),
      spentUsd: this.spentUsd,
      ...(this.#cutInThoughts > 0 ? { cutInThoughts: this.#cutInThoughts } : {}),
    };
  }

  async close(): Promise<void> {
    await this.#writer.discard();
    await this.#cache.close();
  }
}
