import { Context } from '@temporalio/activity';
import pMap, { pMapIterable, pMapSkip } from 'p-map';
import { MANIFEST } from '../contract/stored/manifest.ts';
import { EXAMPLE } from '../contract/stored/rows.ts';
import { TEMPLATE } from '../contract/stored/template.ts';
import type { Example } from '../core/dataset/row.ts';
import type { EvaluateInput, Evaluations, SubjectResult } from '../core/run/evaluation.ts';
import { originalProvider } from '../core/run/pipeline.ts';
import { redactMessage } from '../core/text/redaction.ts';
import { TuneloopError } from '../errors.ts';
import { ProviderError } from '../providers/provider-error.ts';
import { KeptScoring } from '../scoring/kept-scoring.ts';
import { pruneCompletions } from '../stores/completion-cache.ts';
import { loadLines, loadStored } from '../stores/stored-objects.ts';
import { constraintOf } from './support/constraint.ts';
import { currentEvaluation, type Dependencies, loadPipeline } from './support/dependencies.ts';
import { labelsOf } from './support/judged-rows.ts';
import { reportStep } from './support/step-progress.ts';
import { type AnsweredExample, SubjectRows } from './support/subject-rows.ts';

const HEARTBEAT_MS = 2000;
/** At most this many rows of each subject are asked anew in every evaluation, for their latency. */
const TIMED_ROWS = 50;
/** From this attempt on a subject fails for reasons that might pass; before, the next attempt asks for the missing rows. */
const LAST_ATTEMPT = 20;
/** Rows that may be answered while one before them is still on its way, for each request in flight. */
const ROWS_AHEAD = 32;

/**
 * Asks all subjects for every example and scores their answers. Subjects take turns row by row, so that they meet the same load and their
 * latencies can be compared. Each answer is kept on disk at once: an attempt goes on where the one before it stopped, and only rows that
 * were in flight are paid again. Answers that earlier runs have paid for come from the cache; latency is measured over the others alone. A
 * failing subject does not stop the others; a quota does.
 */
export function createEvaluate(dependencies: Dependencies) {
  return async (input: EvaluateInput): Promise<Evaluations> => {
    const progress = { done: 0, of: input.examples.rows * input.subjects.length };
    const report = () => reportStep(`evaluate on ${input.name} rows`, progress.done, progress.of);
    report();
    const heartbeat = setInterval(report, HEARTBEAT_MS);
    const opened: Opened = { subjects: [], scoring: null };
    try {
      await askAll(dependencies, input, opened, progress);
      const open = opened.subjects.find(({ failure }) => failure?.mayPass);
      if (open?.failure && Context.current().info.attempt < LAST_ATTEMPT) throw open.failure.error;
      const results: SubjectResult[] = [];
      for (const subject of opened.subjects) results.push(await resultOf(subject));
      return { results, judgeUsd: opened.scoring?.usd ?? null };
    } finally {
      clearInterval(heartbeat);
      await Promise.all([...opened.subjects, opened.scoring].map((part) => part?.close()));
      // An untidy cache is no reason to lose an evaluation, or to hide why it failed.
      await pruneCompletions(dependencies.home).catch((error: unknown) => {
        dependencies.log.warn({ reason: String(error) }, 'the cache of completions could not be tidied up');
      });
    }
  };
}

/** The resources to close, however the evaluation ends. */
interface Opened {
  subjects: SubjectRows[];
  scoring: KeptScoring | null;
}

/** @throws errors that concern all subjects: a quota, a full disk, a cancellation. */
async function askAll(
  dependencies: Dependencies,
  input: EvaluateInput,
  opened: Opened,
  progress: { done: number },
): Promise<void> {
  const { artifacts } = dependencies;
  const { cancellationSignal: signal, cancelled } = Context.current();
  const { rows } = input.examples;
  const pipeline = await loadPipeline(dependencies, input.definition);
  const { concurrency, max_output_tokens: maxOutputTokens } = pipeline.evaluation;
  const evaluation = currentEvaluation(input.name);
  const labels = labelsOf(await loadStored(MANIFEST, artifacts, input.manifest));
  const scoring = await KeptScoring.open(dependencies, pipeline, evaluation, {
    labels,
    judgeLimitUsd: input.judgeLimitUsd,
  });
  opened.scoring = scoring;
  const options = {
    template: await loadStored(TEMPLATE, artifacts, input.template),
    labels,
    maxOutputTokens,
    evaluation,
    rows,
  };
  const { subjects } = opened;
  for (const subject of input.subjects) {
    const own = subject.definition ? await loadPipeline(dependencies, subject.definition) : pipeline;
    const connected = dependencies.connectProvider(subject.kind === 'tuned' ? own.provider : originalProvider(own));
    const isHeld = subject.kind === 'tuned' || subject.constrained === true;
    const constraint = isHeld ? await constraintOf(own, labels) : undefined;
    subjects.push(await SubjectRows.open(dependencies, subject, { ...options, constraint, provider: connected }));
  }
  const cold = subjects.filter(({ paidRows }) => paidRows < rows);
  await Promise.race([pMap(cold, (subject) => subject.warmUp(), { concurrency }), cancelled]);

  // The error that ends the attempt is remembered and not thrown, so that answers that are on their way are still kept.
  let end: { error: unknown } | undefined;
  const isOver = (subject: SubjectRows) => end !== undefined || signal.aborted || subject.isOut;
  const questions = async function* (): AsyncGenerator<Question> {
    let index = 0;
    for await (const example of loadLines(EXAMPLE, artifacts, input.examples)) {
      for (const subject of inTurn(subjects, index)) if (!isOver(subject)) yield { subject, example, index };
      if (end || signal.aborted || subjects.every(({ isOut }) => isOut)) return;
      index += 1;
    }
  };
  const answer = async ({ subject, example, index }: Question): Promise<Answered | typeof pMapSkip> => {
    // Questions whose turn comes with the same answers are sent together, which takes a fifth less processor time.
    await new Promise((resolve) => setImmediate(resolve));
    if (isOver(subject)) return pMapSkip;
    try {
      const { completion, own } = await subject.answerTo(example, isSpread(index, TIMED_ROWS, rows), signal);
      const { text, cut } = completion;
      const references = [example.completion, ...(example.references ?? [])];
      const score = await scoring.score({ input: example.input, answer: text, cut, references }, signal);
      subject.succeeds();
      progress.done += 1;
      return { subject, row: { index, example, completion, own, score } };
    } catch (error) {
      if (concernsSubject(error)) subject.fails(error);
      else end ??= { error };
      return pMapSkip;
    }
  };
  const answers = pMapIterable(questions(), answer, { concurrency, backpressure: concurrency * ROWS_AHEAD });
  for await (const { subject, row } of answers) {
    await subject.take(row).catch((error: unknown) => {
      end ??= { error };
    });
  }
  signal.throwIfAborted();
  if (end) throw end.error;
}

interface Question {
  subject: SubjectRows;
  example: Example;
  index: number;
}

interface Answered {
  subject: SubjectRows;
  row: AnsweredExample;
}

/**
 * The subjects in an order that changes from row to row, so that over many rows each follows every other equally often: a
 * Williams design (E. J. Williams 1949, Australian Journal of Scientific Research 2), which for an odd number needs its
 * mirror image too.
 */
export function inTurn<T>(subjects: readonly T[], row: number): T[] {
  const size = subjects.length;
  const turn = row % size;
  const places = subjects.map((_, step) => (step % 2 === 1 ? (step + 1) / 2 : size - step / 2));
  const order = places.map((place) => (place + turn) % size).flatMap((place) => subjects.slice(place, place + 1));
  return size % 2 === 1 && Math.floor(row / size) % 2 === 1 ? order.reverse() : order;
}

/** Whether a row is one of this many that are spread evenly over all rows. */
function isSpread(index: number, count: number, rows: number): boolean {
  return Math.floor(((index + 1) * count) / rows) > Math.floor((index * count) / rows);
}

/** A refusal or a budget concerns one subject; an error that pauses a run, or that is no error of a request, concerns all. */
function concernsSubject(error: unknown): boolean {
  if (error instanceof ProviderError) return error.code !== 'PROVIDER_QUOTA' && error.code !== 'PROVIDER_CLOSED';
  return error instanceof TuneloopError;
}

async function resultOf(subject: SubjectRows): Promise<SubjectResult> {
  const { id } = subject.subject;
  if (!subject.failure) return { id, evaluation: await subject.evaluation() };
  const { error } = subject.failure;
  const code = error instanceof ProviderError || error instanceof TuneloopError ? error.code : null;
  const message = redactMessage(error instanceof Error ? error.message : String(error));
  return { id, failure: { code, message }, spentUsd: subject.spentUsd };
}
