import { Context } from '@temporalio/activity';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { cleanExamples, DropCount } from '../dataset/cleaning.ts';
import { countLabels, datasetWarnings, type Manifest } from '../dataset/manifest.ts';
import type { Example, LogRow, Message, Recorded } from '../dataset/row.ts';
import { excludeLeaks, type Split, splitExamples } from '../dataset/split.ts';
import { mineTemplate, type PromptTemplate, renderPrompt, stripInstructions } from '../dataset/template.ts';
import { trainingLine } from '../dataset/training-line.ts';
import { TuneloopError } from '../errors.ts';
import { mean } from '../evaluation/statistics.ts';
import type { DatasetSummary } from '../report/run-result.ts';
import { readJsonl } from '../sources/jsonl.ts';
import { parseJudgingRow } from '../sources/log-row.ts';
import { type ArtifactRef, writeJson } from '../storage/artifact-store.ts';
import type { Snapshot } from './collect.ts';
import { type Dependencies, loadPipeline } from './dependencies.ts';

/** A dataset version, as references and figures. */
export interface Dataset {
  summary: DatasetSummary;
  manifest: ArtifactRef;
  template: ArtifactRef;
  examples: Record<keyof Split, ArtifactRef>;
  /** What is uploaded: chat JSONL of inputs and answers. */
  files: { train: ArtifactRef; validation: ArtifactRef };
  tokens: {
    /** Of the training file, once through. */
    train: number;
    /** Means over the examples: of a request that asks for one, and of its answer. */
    input: number;
    completion: number;
    /** The whole original prompt. */
    prompt: number;
  };
  warnings: string[];
  /** One line for people. */
  text: string;
}

/** Fine-tuning services refuse a training file of fewer examples. */
const FEWEST_EXAMPLES = 10;
const MINED_PROMPTS = 2000;
const COUNTED_EXAMPLES = 500;
/** Share of rows that may not fit the template; more means that the template is not understood. */
const MISMATCH_LIMIT = 0.2;

/** From the snapshot to a dataset version: strip the instructions, clean, split, and write the training files. */
export function createPrepare(dependencies: Dependencies) {
  const { artifacts } = dependencies;
  return async ({ definition, snapshot }: { definition: ArtifactRef; snapshot: Snapshot }): Promise<Dataset> => {
    const pipeline = await loadPipeline(dependencies, definition);
    const progress = (step: string) => Context.current().heartbeat({ step });
    const drops = new DropCount();

    progress('find the instructions');
    const template = await findTemplate(artifacts.rows(snapshot.rows), snapshot.rows.rows);
    progress('strip the instructions');
    const stripped = await stripAll(template, artifacts.rows(snapshot.rows), drops);
    refuseMismatch(drops, snapshot.rows.rows);

    progress('clean and split');
    const cleaned = cleanExamples(stripped, { dropDuplicates: pipeline.clean.duplicates === 'exact' });
    const { test } = pipeline.split;
    const heldOut = typeof test === 'number' ? [] : await readHeldOut(test.file, template);
    const { examples, leaked } = excludeLeaks(cleaned.examples, heldOut);
    for (const { line } of leaked) drops.add('also in the test file', line);
    const split = splitExamples(examples, {
      validation: pipeline.split.validation,
      test: typeof test === 'number' ? test : 0,
      seed: pipeline.split.seed,
      stratify: pipeline.task === 'classification',
    });
    if (typeof test !== 'number') split.test = heldOut;
    refuseTooFew(split, snapshot);

    progress('write the dataset');
    const write = (rows: Example[]) => artifacts.write(rows.map((row) => JSON.stringify(row)));
    const [train, validation, testRef] = [
      await write(split.train),
      await write(split.validation),
      await write(split.test),
    ];
    const files = {
      train: await artifacts.write(split.train.map(trainingLine)),
      validation: await artifacts.write(split.validation.map(trainingLine)),
    };
    const labels = pipeline.task === 'classification' ? countLabels(split) : null;
    const warnings = datasetWarnings(labels, labels ? cleaned.conflicts : []);
    const counts = { train: train.rows, validation: validation.rows, test: testRef.rows };
    const templateRef = await writeJson(artifacts, template);
    const dropped = [...drops.all(), ...cleaned.dropped];
    const manifest = await writeJson(artifacts, {
      pipeline: pipeline.name,
      source: { files: snapshot.files, rows: snapshot.rows.rows, sha256: snapshot.rows.sha256 },
      template: { sha256: templateRef.sha256, versions: template.versions.length },
      split: { ...pipeline.split, test: typeof test === 'number' ? test : 'file' },
      counts,
      labels,
      dropped,
      conflicts: cleaned.conflicts,
      warnings,
      examples: { train, validation, test: testRef },
      files,
    } satisfies Manifest);

    const droppedRows = dropped.reduce((sum, { rows }) => sum + rows, 0);
    return {
      summary: { version: manifest.sha256.slice(0, 16), ...counts, dropped: droppedRows },
      manifest,
      template: templateRef,
      examples: { train, validation, test: testRef },
      files,
      tokens: countAll(split.train, template),
      warnings,
      text: `${counts.train} examples to train on, ${counts.validation} to choose, ${counts.test} to judge; ${droppedRows} rows dropped`,
    };
  };
}

async function findTemplate(rows: AsyncIterable<string>, count: number): Promise<PromptTemplate> {
  const stride = Math.ceil(count / MINED_PROMPTS);
  const prompts: Message[][] = [];
  let index = 0;
  for await (const row of rows) {
    if (index % stride === 0) prompts.push((JSON.parse(row) as LogRow).messages);
    index += 1;
  }
  return mineTemplate(prompts);
}

async function stripAll(template: PromptTemplate, rows: AsyncIterable<string>, drops: DropCount): Promise<Example[]> {
  const examples: Example[] = [];
  for await (const text of rows) {
    const row = JSON.parse(text) as LogRow;
    const stripped = stripInstructions(template, row.messages);
    if ('mismatch' in stripped) drops.add(stripped.mismatch, row.line);
    else examples.push(toExample(row, stripped.input));
  }
  return examples;
}

function toExample(row: LogRow, input: string): Example {
  const recorded: Recorded = {
    completion: row.completion,
    checked: row.actual !== undefined,
    ...(row.usage ? { usage: row.usage } : {}),
    ...(row.latencyMs === undefined ? {} : { latencyMs: row.latencyMs }),
    ...(row.model ? { model: row.model } : {}),
  };
  return {
    id: row.id,
    line: row.line,
    ...(row.timestamp ? { timestamp: row.timestamp } : {}),
    input,
    completion: row.actual ?? row.completion,
    recorded,
  };
}

async function readHeldOut(file: string, template: PromptTemplate): Promise<Example[]> {
  const examples: Example[] = [];
  for await (const row of readJsonl([file], parseJudgingRow)) {
    if ('input' in row) {
      const { line, id, input, label, references } = row;
      examples.push({ id, line, input, completion: label, ...(references ? { references } : {}) });
      continue;
    }
    const stripped = stripInstructions(template, row.messages);
    if ('mismatch' in stripped)
      throw new TuneloopError('SOURCE_ROW_INVALID', `${file}:${row.line}: ${stripped.mismatch}`);
    examples.push(toExample(row, stripped.input));
  }
  if (examples.length === 0) throw new TuneloopError('SOURCE_EMPTY', `${file} holds no test row`);
  return examples;
}

function refuseMismatch(drops: DropCount, rows: number): void {
  const dropped = drops.all();
  const mismatched = dropped.reduce((sum, drop) => sum + drop.rows, 0);
  if (mismatched <= rows * MISMATCH_LIMIT) return;
  const reasons = dropped.map(
    (drop) => `${drop.rows} rows: ${drop.reason} (lines ${drop.lines.slice(0, 5).join(', ')})`,
  );
  throw new TuneloopError(
    'INSTRUCTIONS_NOT_FOUND',
    `${mismatched} of ${rows} rows do not follow the prompts that most rows share: ${reasons.join('; ')}. ` +
      'Give each prompt a log and a pipeline of its own',
  );
}

function refuseTooFew({ train, validation }: Split, snapshot: Snapshot): void {
  if (train.length >= FEWEST_EXAMPLES && validation.length > 0) return;
  throw new TuneloopError(
    'TOO_FEW_EXAMPLES',
    `${train.length} examples to train on and ${validation.length} to validate are left of ${snapshot.rows.rows} rows in ` +
      `${snapshot.files.join(', ')}: at least ${FEWEST_EXAMPLES} and 1 are needed. Collect more rows, or lower split.validation and split.test`,
  );
}

function countAll(train: readonly Example[], template: PromptTemplate): Dataset['tokens'] {
  const tokens = train.map(({ input, completion }) => ({
    input: countTokens(input, PLAIN),
    completion: countTokens(completion, PLAIN),
  }));
  const prompts = train.slice(0, COUNTED_EXAMPLES).map(({ input }) => countMessages(renderPrompt(template, input)));
  return {
    train: tokens.reduce((sum, { input, completion }) => sum + input + completion + TOKENS_PER_EXAMPLE, 0),
    // As a request has it: short inputs are mostly frame.
    input: mean(tokens.map(({ input }) => input)) + TOKENS_PER_MESSAGE + TOKENS_PER_REPLY,
    completion: mean(tokens.map(({ completion }) => completion)),
    prompt: mean(prompts),
  };
}

// A row may hold "<|endoftext|>" and the like: there they are plain text, and not an error.
const PLAIN = { disallowedSpecial: new Set<string>() };
/** What a chat costs besides its contents (OpenAI cookbook): 3 a message and 1 for its role, and 3 that open the reply. */
const TOKENS_PER_MESSAGE = 4;
const TOKENS_PER_REPLY = 3;
/** An input and its answer. */
const TOKENS_PER_EXAMPLE = 2 * TOKENS_PER_MESSAGE + TOKENS_PER_REPLY;

function countMessages(messages: readonly Message[]): number {
  return messages.reduce(
    (sum, { content }) => sum + countTokens(content, PLAIN) + TOKENS_PER_MESSAGE,
    TOKENS_PER_REPLY,
  );
}
