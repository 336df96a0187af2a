import { appendFile, mkdir, readFile, rm, truncate } from 'node:fs/promises';
import path from 'node:path';
import { Context } from '@temporalio/activity';
import pMap from 'p-map';
import type { Example, Message, TokenUsage } from '../dataset/row.ts';
import { type PromptTemplate, renderPrompt } from '../dataset/template.ts';
import { TuneloopError } from '../errors.ts';
import { costPer1k, type Tariff, tariffOf } from '../evaluation/cost.ts';
import { type Scorer, scorerOf } from '../evaluation/scorer.ts';
import { mean, percentile } from '../evaluation/statistics.ts';
import type { Completion, CompletionRequest, Provider } from '../providers/provider.ts';
import { ProviderError } from '../providers/provider-error.ts';
import { usdText } from '../report/format.ts';
import type { Judged } from '../report/run-result.ts';
import { type ArtifactRef, readJson, readJsonRows } from '../storage/artifact-store.ts';
import { fileName, runFolder } from '../storage/run-folder.ts';
import { askBriefly } from './await-model.ts';
import { currentWorkflowId, type Dependencies, loadPipeline } from './dependencies.ts';

export interface EvaluateModelInput {
  definition: ArtifactRef;
  /** Names the evaluation within the run. */
  name: string;
  /** Who answers: a tuned model, which gets inputs only, or a model that gets the original prompt. */
  subject:
    | { kind: 'tuned'; model: string; baseModel: string }
    | { kind: 'prompted'; model: string; template: ArtifactRef };
  examples: ArtifactRef;
  /** What was reserved for it, in USD; it stops before it spends more. Null for no limit. */
  limitUsd: number | null;
}

/** How a model did on a set of examples. */
export interface Evaluation extends Judged {
  /** One line a row: answer, score, tokens, times. Null for the recorded baseline, whose answers are in the log. */
  predictions: ArtifactRef | null;
  /** What it has cost to find this out, in USD; null where no price is known. */
  spentUsd: number | null;
}

interface Prediction extends Omit<Completion, 'text' | 'cut'> {
  /** Position of the example, from 0. */
  index: number;
  id: string;
  answer: string;
  score: number;
  /** Whether the answer is empty or cut off; then it scores 0, whatever it holds. */
  invalid: boolean;
}

/** A request that fails for a passing reason is sent this many times before the attempt gives up. */
const TRIES_PER_ROW = 4;
const HEARTBEAT_MS = 2000;

/**
 * Asks a model for every example and scores the answers. Each scored row is kept on disk at once, and an attempt goes on
 * where the one before it stopped: only rows that were in flight are paid again.
 */
export function createEvaluateModel(dependencies: Dependencies) {
  return async (input: EvaluateModelInput): Promise<Evaluation> => {
    const { artifacts, home, prices } = dependencies;
    const { subject } = input;
    const { evaluation, provider: choice } = await loadPipeline(dependencies, input.definition);
    const provider = dependencies.connectProvider(choice);
    const examples = await readJsonRows<Example>(artifacts, input.examples);
    const toMessages = await promptOf(dependencies, subject);
    const scorer = scorerOf(evaluation.metric);
    const { cancellationSignal } = Context.current();

    const folder = path.join(runFolder(home, currentWorkflowId()), 'predictions');
    const journal = await Journal.open(path.join(folder, `${fileName(input.name)}.jsonl`));
    const open = examples.map((_, index) => index).filter((index) => !journal.predictions.has(index));
    const heartbeat = setInterval(
      () => Context.current().heartbeat({ rows: journal.predictions.size, of: examples.length }),
      HEARTBEAT_MS,
    );
    const ask = (index: number) => {
      const example = examples[index];
      if (!example) throw new RangeError(`no example ${index}`);
      const request = {
        model: subject.model,
        messages: toMessages(example.input),
        maxOutputTokens: evaluation.max_output_tokens,
        signal: cancellationSignal,
      };
      return predict(provider, request, scorer, example, index);
    };
    const tuned = subject.kind === 'tuned';
    const tariff = tariffOf(prices, provider, tuned ? subject.baseModel : subject.model, tuned);
    const spending = new Spending(tariff, input.limitUsd, journal.predictions.values());
    try {
      // One call that does not count: connections are opened and the model is loaded by it.
      if (open.length > 0) await askBriefly(provider, subject.model).catch(() => {});
      await pMap(
        open,
        async (index) => {
          spending.start(`${journal.predictions.size} of ${examples.length} rows`);
          const prediction = await ask(index);
          spending.end(prediction);
          await journal.add(prediction);
        },
        { concurrency: evaluation.concurrency, signal: cancellationSignal },
      );
    } finally {
      clearInterval(heartbeat);
    }
    const predictions = [...journal.predictions.values()].toSorted((a, b) => a.index - b.index);
    const ref = await artifacts.write(predictions.map((prediction) => JSON.stringify(prediction)));
    await journal.remove();

    const usage = {
      promptTokens: mean(predictions.map(({ promptTokens }) => promptTokens)),
      completionTokens: mean(predictions.map(({ completionTokens }) => completionTokens)),
    };
    // The median: on a shared machine the mean is mostly the few requests that had to wait for something else.
    const typicalServerMs = percentile(
      predictions.map(({ serverMs }) => serverMs),
      0.5,
    );
    const latencies = predictions.map(({ latencyMs }) => latencyMs);
    return {
      model: subject.model,
      score: mean(predictions.map(({ score }) => score)),
      n: predictions.length,
      costPer1kUsd: costPer1k(tariff, usage, typicalServerMs),
      p50Ms: percentile(latencies, 0.5),
      p95Ms: percentile(latencies, 0.95),
      invalid: mean(predictions.map(({ invalid }) => (invalid ? 1 : 0))),
      predictions: ref,
      spentUsd: spending.usd,
    };
  };
}

async function promptOf(
  { artifacts }: Dependencies,
  subject: EvaluateModelInput['subject'],
): Promise<(input: string) => Message[]> {
  if (subject.kind === 'tuned') return (input) => [{ role: 'user', content: input }];
  const template = await readJson<PromptTemplate>(artifacts, subject.template);
  return (input) => renderPrompt(template, input);
}

async function predict(
  provider: Provider,
  request: CompletionRequest,
  scorer: Scorer,
  { id, completion, references = [] }: Example,
  index: number,
): Promise<Prediction> {
  const { text, cut, ...figures } = await completeWithRetries(provider, request);
  const invalid = cut || text.trim() === '';
  return {
    index,
    id,
    answer: text,
    score: invalid ? 0 : scorer(text, [completion, ...references]),
    invalid,
    ...figures,
  };
}

async function completeWithRetries(provider: Provider, request: CompletionRequest): Promise<Completion> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await provider.complete(request);
    } catch (error) {
      // A run that was cancelled has not failed.
      request.signal?.throwIfAborted();
      const mayPass = error instanceof ProviderError && error.retryable;
      if (!mayPass || attempt === TRIES_PER_ROW) throw error;
      await Context.current().sleep(error.retryAfterMs ?? 250 * 4 ** attempt);
    }
  }
}

/** What an evaluation costs while it goes on. */
class Spending {
  readonly #tariff: Tariff;
  readonly #limitUsd: number;
  #spentUsd = 0;
  #dearestUsd = 0;
  #inFlight = 0;

  constructor(tariff: Tariff, limitUsd: number | null, before: Iterable<TokenUsage>) {
    this.#tariff = tariff;
    // Time on one's own machine is not money that a limit could save.
    this.#limitUsd = limitUsd === null || tariff.kind !== 'tokens' ? Number.POSITIVE_INFINITY : limitUsd;
    for (const usage of before) this.#add(usage);
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
    this.#add(usage);
  }

  #add(usage: TokenUsage): void {
    const usd = (costPer1k(this.#tariff, usage, 0) ?? 0) / 1000;
    this.#spentUsd += usd;
    this.#dearestUsd = Math.max(this.#dearestUsd, usd);
  }
}

/** The rows of an evaluation that were scored so far, in a file that only grows. */
class Journal {
  readonly predictions = new Map<number, Prediction>();
  readonly #file: string;
  #unwritten = '';
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: string) {
    this.#file = file;
  }

  /** Reads what an earlier attempt left. A last line that was cut off in the middle is dropped. */
  static async open(file: string): Promise<Journal> {
    const journal = new Journal(file);
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    const text = await readFile(file, 'utf8').catch(() => '');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) await truncate(file, Buffer.byteLength(whole));
    for (const line of whole.split('\n')) {
      if (line === '') continue;
      const prediction = JSON.parse(line) as Prediction;
      journal.predictions.set(prediction.index, prediction);
    }
    return journal;
  }

  /** Rows that end while a write is under way are written together by the next one. */
  async add(prediction: Prediction): Promise<void> {
    this.predictions.set(prediction.index, prediction);
    this.#unwritten += `${JSON.stringify(prediction)}\n`;
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  remove(): Promise<void> {
    return rm(this.#file, { force: true });
  }

  async #write(): Promise<void> {
    const text = this.#unwritten;
    this.#unwritten = '';
    if (text !== '') await appendFile(this.#file, text, { mode: 0o600 });
  }
}
