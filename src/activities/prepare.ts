import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Context } from '@temporalio/activity';
import type { Pipeline } from '../config/pipeline.ts';
import { type PromptTemplate, stripInstructions } from '../dataset/instructions/template.ts';
import { disagreeingVersions } from '../dataset/instructions/version-labels.ts';
import { datasetWarnings, droppedRows, type Manifest } from '../dataset/manifest.ts';
import { FEWEST_EXAMPLES, LARGEST_FILE_BYTES } from '../dataset/provider-limits.ts';
import type { Example } from '../dataset/row.ts';
import { SideLedger } from '../dataset/side-ledger.ts';
import { type Side, splitSalt } from '../dataset/sides.ts';
import { placeText, VERDICTS, type VerdictCount, type VerdictName, VerdictTable } from '../dataset/verdict.ts';
import { keyLines } from '../dataset/version-diff.ts';
import { TuneloopError } from '../errors.ts';
import { judgeLabels, withoutLabels } from '../preparation/judged-labels.ts';
import { placeRows } from '../preparation/placement.ts';
import { type PreparedRows, prepareRows } from '../preparation/prepared-rows.ts';
import type { PresidioOptions } from '../preparation/presidio.ts';
import { exampleOf } from '../preparation/row-batch.ts';
import { findTemplate } from '../preparation/template-search.ts';
import { writeDataset } from '../preparation/write-dataset.ts';
import type { DatasetSummary } from '../report/run-result.ts';
import { readJsonl } from '../sources/jsonl.ts';
import { parseJudgingRow, refusalText } from '../sources/log-row.ts';
import { type ArtifactRef, type ArtifactStore, readJson, writeJson } from '../storage/artifact-store.ts';
import { DatasetVersions } from '../storage/dataset-versions.ts';
import { runFolder } from '../storage/run-folder.ts';
import type { Snapshot, SnapshotRef } from './collect.ts';
import { currentWorkflowId, type Dependencies, loadPipeline } from './dependencies.ts';
import { reportStep } from './step-progress.ts';

/** A dataset version, as references and figures. */
export interface Dataset {
  summary: DatasetSummary;
  manifest: ArtifactRef;
  template: ArtifactRef;
  examples: Record<Side, ArtifactRef>;
  /** What is uploaded: chat JSONL, for each treatment of the candidates. */
  files: Manifest['files'];
  tokens: Manifest['tokens'];
  warnings: string[];
  /** One line for people. */
  text: string;
}

/** Share of rows that may not fit the template; more means that the template is not understood. */
const MISMATCH_LIMIT = 0.2;
const PROGRESS_ROWS = 20_000;
/** What can be said of a label only beside the others. */
const LABEL_VERDICTS: ReadonlySet<VerdictName> = new Set<VerdictName>(['padded-label', 'chatty-label', 'json-label']);

/**
 * From the snapshot to the next dataset version: take the instructions off, clean, group what is nearly equal, give each
 * group a side for ever, and write the training files. Where nothing has changed, the latest version is the result.
 */
export function createPrepare(dependencies: Dependencies) {
  const { artifacts, home } = dependencies;
  return async (input: { definition: ArtifactRef; snapshot: SnapshotRef }): Promise<Dataset> => {
    const pipeline = await loadPipeline(dependencies, input.definition);
    const snapshot = await readJson<Snapshot>(artifacts, input.snapshot.ref);
    const versions = new DatasetVersions(home);
    const latest = await versions.latest(pipeline.name);
    const parent = latest ? await readJson<Manifest>(artifacts, latest.manifest) : null;
    const testFile = typeof pipeline.split.test === 'number' ? null : pipeline.split.test.file;
    const inputs = await inputsOf(pipeline, input.snapshot.ref, testFile);
    // A second attempt, or a log to which nothing was added.
    if (latest && parent?.inputs === inputs) return datasetOf(parent, latest.manifest);

    return inScratchFolder(home, async (scratch) => {
      const { cancellationSignal: signal } = Context.current();
      const progress = (step: string, rows = 0) => reportStep(step, rows, snapshot.rows);
      const treatments = listOf(pipeline.candidates.treatment);

      progress('find the instructions');
      const segments = await filesOf(artifacts, snapshot.segments);
      const before = parent ? await readJson<PromptTemplate>(artifacts, parent.template.ref) : null;
      const template = await findTemplate(pipeline.clean.instructions, segments, before);
      const heldOut = testFile === null ? [] : await readHeldOut(testFile, template);

      const rows = await prepareRows(
        {
          segments,
          actuals: (await filesOf(artifacts, snapshot.actuals)).map(({ file }) => file),
          heldOut,
          settings: {
            template,
            treatments,
            classification: pipeline.task === 'classification',
            redact: pipeline.clean.redact,
            phoneRegion: pipeline.clean.phone_region,
            analyzer: analyzerOf(pipeline),
            groupBy: pipeline.split.group_by ?? null,
            minQuality: pipeline.source.filter?.min_quality ?? null,
          },
        },
        { scratch, signal, onProgress: (done) => progress('strip and clean', done) },
      );
      const verdicts = new VerdictTable(snapshot.verdicts);
      verdicts.merge(rows.verdicts.all());
      refuseMismatch(rows.verdicts, snapshot);
      const strict = pipeline.clean.rows === 'strict';
      // A log that deployments write has answers of our own in every hour: they are no fault of it.
      if (strict) refuseVerdicts(rows.verdicts.all().filter(({ verdict }) => verdict !== 'own-answer'));

      progress('split');
      const salt = splitSalt(pipeline.split.seed);
      const ledger =
        parent?.salt.sha256 === salt.sha256 ? await SideLedger.from(artifacts.rows(parent.ledger)) : new SideLedger();
      const labels = pipeline.task === 'classification' ? judgeLabels(rows) : withoutLabels(rows);
      const placement = placeRows(rows, labels, ledger, {
        duplicates: pipeline.clean.duplicates,
        validation: pipeline.split.validation,
        test: typeof pipeline.split.test === 'number' ? pipeline.split.test : 0,
        salt: salt.salt,
        by: pipeline.split.by,
        stratify: pipeline.task === 'classification',
      });

      const written = await writeDataset(artifacts, rows, labels, placement, {
        template,
        treatments,
        heldOut,
        verdicts,
        onRow: (done) => {
          if (done % PROGRESS_ROWS === 0) progress('write the dataset', done);
        },
      });
      if (strict) refuseVerdicts(verdicts.all().filter(({ verdict }) => LABEL_VERDICTS.has(verdict)));
      const { examples, files, conflicts } = written;
      const { quarantined } = placement;
      const tables = pipeline.task === 'classification' ? written.labels : null;
      const counts = { train: examples.train.rows, validation: examples.validation.rows, test: examples.test.rows };
      refuseTooFew(counts, snapshot);
      refuseTooLarge(files);

      const templateRef = await writeJson(artifacts, template);
      const manifest = {
        pipeline: pipeline.name,
        inputs,
        parent: latest ? { number: latest.number, sha256: latest.manifest.sha256 } : null,
        snapshot: input.snapshot.ref,
        source: {
          names: snapshot.names,
          rows: snapshot.rows,
          choice: hash('sha256', JSON.stringify(pipeline.source), 'hex'),
        },
        template: { ref: templateRef, versions: template.versions.length },
        salt: { version: salt.version, sha256: salt.sha256 },
        split: { ...pipeline.split, test: typeof pipeline.split.test === 'number' ? pipeline.split.test : 'file' },
        clean: pipeline.clean,
        counts,
        groups: placement.groups,
        labels: tables,
        verdicts: verdicts.all(),
        redactions: rows.redactions,
        conflicts,
        quarantined,
        warnings: [
          ...datasetWarnings({ counts, labels: tables, conflicts, quarantined }),
          ...disagreeingVersions(written.versionLabels),
          ...idWarnings(rows),
        ],
        examples,
        keys: await artifacts.write(keyLines({ ...rows, ...placement })),
        ledger: await artifacts.write(ledger.lines()),
        files,
        tokens: written.tokens.all(),
      } satisfies Manifest;
      const ref = await writeJson(artifacts, manifest);
      await versions.append(pipeline.name, latest?.number ?? 0, ref);
      return datasetOf(manifest, ref);
    });
  };
}

/** What a dataset version follows from, but for the sides that rows were on before. */
async function inputsOf(pipeline: Pipeline, snapshot: ArtifactRef, testFile: string | null): Promise<string> {
  const { task, clean, split, candidates, source } = pipeline;
  const parts = [
    snapshot.sha256,
    task,
    clean,
    split,
    listOf(candidates.treatment),
    source.filter?.min_quality ?? null,
    testFile === null ? null : await hashOf(testFile),
  ];
  return hash('sha256', JSON.stringify(parts), 'hex');
}

function datasetOf(manifest: Manifest, ref: ArtifactRef): Dataset {
  const { counts, files, tokens, examples, warnings } = manifest;
  const dropped = droppedRows(manifest.verdicts);
  return {
    summary: { version: ref.sha256.slice(0, 16), ...counts, dropped },
    manifest: ref,
    template: manifest.template.ref,
    examples,
    files,
    tokens,
    warnings,
    text: `${counts.train} examples to train on, ${counts.validation} to choose, ${counts.test} to judge; ${dropped} rows dropped`,
  };
}

/** A folder of this attempt alone; what earlier attempts have left is removed. */
async function inScratchFolder<T>(home: string, work: (folder: string) => Promise<T>): Promise<T> {
  const all = path.join(runFolder(home, currentWorkflowId()), 'scratch');
  await rm(all, { recursive: true, force: true });
  const folder = path.join(all, String(Context.current().info.attempt));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    return await work(folder);
  } finally {
    await rm(all, { recursive: true, force: true });
  }
}

async function filesOf(
  artifacts: ArtifactStore,
  refs: readonly ArtifactRef[],
): Promise<{ file: string; bytes: number; rows: number }[]> {
  const files = [];
  for (const ref of refs) files.push({ file: await artifacts.file(ref), bytes: ref.bytes, rows: ref.rows });
  return files;
}

async function readHeldOut(file: string, template: PromptTemplate): Promise<Example[]> {
  const examples: Example[] = [];
  for await (const row of readJsonl([file], parseJudgingRow)) {
    if ('input' in row) {
      const { line, id, input, label, references } = row;
      examples.push({ id, line, input, completion: label, ...(references ? { references } : {}) });
      continue;
    }
    const { messages, completion, actual } = row;
    const stripped = stripInstructions(template, messages);
    const answer = actual ?? completion;
    if ('mismatch' in stripped || answer === undefined) {
      const problem = 'mismatch' in stripped ? stripped.mismatch : 'it has no answer';
      throw new TuneloopError('SOURCE_ROW_INVALID', `${placeText(row)}: ${problem}`);
    }
    examples.push(exampleOf(row, stripped, answer));
  }
  if (examples.length === 0) throw new TuneloopError('SOURCE_EMPTY', `${file} holds no test row`);
  return examples;
}

/** About what an id is for: telling which row a later answer belongs to. */
function idWarnings({ ids, actuals, heldOut }: PreparedRows): string[] {
  const sorted = ids.slice(heldOut).sort();
  let repeated = 0;
  for (let row = 1; row < sorted.length; row += 1) if (sorted[row] === sorted[row - 1]) repeated += 1;
  const unused = actuals.given - actuals.used;
  return [
    ...(repeated > 0 ? [`${repeated} ${repeated === 1 ? 'row has' : 'rows have'} the same id as another one`] : []),
    ...(unused > 0 ? [`${unused} of ${actuals.given} later answers are for ids that the log does not hold`] : []),
  ];
}

function analyzerOf({ clean: { presidio } }: Pipeline): PresidioOptions | null {
  if (presidio === undefined) return null;
  const { url, language, entities, min_score: minScore } = presidio;
  return { url, language, minScore, ...(entities ? { entities } : {}) };
}

async function hashOf(file: string): Promise<string> {
  const sum = createHash('sha256');
  for await (const chunk of createReadStream(file)) sum.update(chunk);
  return sum.digest('hex');
}

function refuseMismatch(verdicts: VerdictTable, { rows, names }: Snapshot): void {
  const found = verdicts.all().filter(({ verdict }) => verdict === 'prompt-mismatch' || verdict === 'multi-turn');
  const mismatched = found.reduce((sum, count) => sum + count.rows, 0);
  if (mismatched <= rows * MISMATCH_LIMIT) return;
  const reasons = found.map(
    (count) => `${count.rows} rows: ${VERDICTS[count.verdict].what} (${count.places.slice(0, 5).join(', ')})`,
  );
  throw new TuneloopError(
    'INSTRUCTIONS_NOT_FOUND',
    `${mismatched} of ${rows} rows in ${names.join(', ')} do not follow the prompts that most rows share: ${reasons.join('; ')}. ` +
      '`tuneloop inspect` shows them. Give each prompt a log and a pipeline of its own, or name the prompts in clean.instructions',
  );
}

function refuseVerdicts([first]: readonly VerdictCount[]): void {
  if (!first) return;
  throw new TuneloopError('SOURCE_ROW_INVALID', refusalText(first.verdict, first.places.join(', ')));
}

function refuseTooFew({ train, validation }: Record<Side, number>, { rows, names }: Snapshot): void {
  if (train >= FEWEST_EXAMPLES && validation > 0) return;
  throw new TuneloopError(
    'TOO_FEW_EXAMPLES',
    `${train} examples to train on and ${validation} to validate are left of ${rows} rows in ` +
      `${names.join(', ')}: at least ${FEWEST_EXAMPLES} and 1 are needed. Collect more rows, or lower split.validation and split.test`,
  );
}

function refuseTooLarge(files: Manifest['files']): void {
  for (const { treatment, train, validation } of files) {
    for (const { bytes, rows } of [train, validation]) {
      if (bytes <= LARGEST_FILE_BYTES) continue;
      throw new TuneloopError(
        'FILE_TOO_LARGE',
        `a training file (treatment ${treatment}) of ${rows} rows has ${bytes} bytes, and ${LARGEST_FILE_BYTES} are the most that is taken: ` +
          'take fewer rows with source.filter, or treatment strip',
      );
    }
  }
}

function listOf<T>(value: T | T[]): T[] {
  return [...new Set(Array.isArray(value) ? value : [value])];
}
