import path from 'node:path';
import { Context } from '@temporalio/activity';
import pMap from 'p-map';
import type { PromptTemplate, Treatment } from '../dataset/instructions/template.ts';
import { messagesFor } from '../dataset/messages.ts';
import type { Example, Message } from '../dataset/row.ts';
import { costPer1k, tariffOf } from '../evaluation/cost.ts';
import { type Scorer, scorerOf } from '../evaluation/scorer.ts';
import { mean, percentile } from '../evaluation/statistics.ts';
import type { Completion, CompletionRequest, Provider } from '../providers/provider.ts';
import type { Judged } from '../report/run-result.ts';
import { type ArtifactRef, readJson, readJsonRows } from '../storage/artifact-store.ts';
import { fileName, runFolder } from '../storage/run-folder.ts';
import { askBriefly } from './await-model.ts';
import { completeWithRetries } from './completion.ts';
import { currentWorkflowId, type Dependencies, loadPipeline } from './dependencies.ts';
import { Journal } from './journal.ts';
import { Spending } from './spending.ts';
import { reportStep } from './step-progress.ts';

export interface EvaluateModelInput {
  definition: ArtifactRef;
  /** Names the evaluation within the run. */
  name: string;
  /** Who answers: a tuned model, which gets what it was trained on, or a model that gets the original prompt. */
  subject:
    | { kind: 'tuned'; model: string; baseModel: string; treatment: Treatment; template: ArtifactRef }
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
    const journal = await Journal.open(
      path.join(folder, `${fileName(input.name)}.jsonl`),
      ({ index }: Prediction) => index,
    );
    const open = examples.map((_, index) => index).filter((index) => !journal.entries.has(index));
    const heartbeat = setInterval(
      () => reportStep(`evaluate ${input.name}`, journal.entries.size, examples.length),
      HEARTBEAT_MS,
    );
    const ask = (index: number) => {
      const example = examples[index];
      if (!example) throw new RangeError(`no example ${index}`);
      const request = {
        model: subject.model,
        messages: toMessages(example),
        maxOutputTokens: evaluation.max_output_tokens,
        signal: cancellationSignal,
      };
      return predict(provider, request, scorer, example, index);
    };
    const tuned = subject.kind === 'tuned';
    const tariff = tariffOf(prices, provider, tuned ? subject.baseModel : subject.model, tuned);
    const spending = new Spending(tariff, input.limitUsd, journal.entries.values());
    try {
      // One call that does not count: connections are opened and the model is loaded by it.
      if (open.length > 0) await askBriefly(provider, subject.model).catch(() => {});
      await pMap(
        open,
        async (index) => {
          spending.start(`${journal.entries.size} of ${examples.length} rows`);
          const prediction = await ask(index);
          spending.end(prediction);
          await journal.add(prediction);
        },
        { concurrency: evaluation.concurrency, signal: cancellationSignal },
      );
    } finally {
      clearInterval(heartbeat);
    }
    const predictions = [...journal.entries.values()].toSorted((a, b) => a.index - b.index);
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
): Promise<(example: Example) => Message[]> {
  const template = await readJson<PromptTemplate>(artifacts, subject.template);
  const treatment = subject.kind === 'tuned' ? subject.treatment : 'keep-instructions';
  return (example) => messagesFor(template, example, treatment);
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
