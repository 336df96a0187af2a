import type { PromptTemplate } from '@tuneloop/app/internal/prompt/prompt-template';
import { TEMPLATE } from '../../contract/stored/template.ts';
import type { CutPart } from '../../core/dataset/cut-part.ts';
import { IssueTable, type RowIssue } from '../../core/dataset/issue.ts';
import type { Manifest } from '../../core/dataset/manifest.ts';
import type { Example } from '../../core/dataset/row.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';
import type { Snapshot } from '../../core/run/snapshot.ts';
import { leastQuality } from '../../core/run/source-choice.ts';
import { profileOf } from '../../providers/profiles/index.ts';
import type { ArtifactStore } from '../../stores/artifact-store.ts';
import type { ErasedRows } from '../../stores/erased-rows.ts';
import { loadStored } from '../../stores/stored-objects.ts';
import { SideLedger } from '../split/side-ledger.ts';
import { splitSalt } from '../split/sides.ts';
import { testFileOf, treatmentsOf } from './dataset-inputs.ts';
import { readHeldOut } from './held-out.ts';
import { judgeLabels, withoutLabels } from './judged-labels.ts';
import { placeRows } from './placement.ts';
import { type PreparedRows, prepareRows } from './prepared-rows.ts';
import type { PresidioOptions } from './presidio.ts';
import { refuseIssues, refuseMismatch, refuseNoLabels } from './refusals.ts';
import { findTemplate } from './template-search.ts';
import { writeDataset } from './write-dataset.ts';
import { writeManifest } from './write-manifest.ts';

/** The input of a dataset version, and the receiver of its progress. */
export interface PrepareOptions {
  artifacts: ArtifactStore;
  pipeline: Pipeline;
  snapshot: Snapshot;
  snapshotRef: ArtifactRef;
  /** See `inputsOf`. */
  inputs: string;
  /** The latest dataset version; null for the first one. */
  parent: { number: number; ref: ArtifactRef; manifest: Manifest } | null;
  /** Erased rows, which a test file must not bring back. The snapshot was read without them. */
  erased: Pick<ErasedRows, 'has'>;
  /** An existing folder; the caller removes its contents. */
  scratch: string;
  signal: AbortSignal;
  onProgress: (step: string, rows?: number) => void;
}

const PROGRESS_ROWS = 20_000;
/** Whether a label is odd shows only in comparison with all other labels. */
const LABEL_ISSUES: ReadonlySet<RowIssue> = new Set<RowIssue>(['padded-label', 'chatty-label', 'json-label']);

/**
 * Makes the dataset version of a snapshot, step by step: find the template, strip and clean the rows, group nearly equal inputs and place
 * each group on a side, write the examples and training files, write the manifest.
 *
 * @throws TuneloopError INSTRUCTIONS_NOT_FOUND, SOURCE_ROW_INVALID, SOURCE_EMPTY, TOO_FEW_EXAMPLES, FILE_TOO_LARGE
 */
export async function prepareDataset(options: PrepareOptions): Promise<{ manifest: Manifest; ref: ArtifactRef }> {
  const { artifacts, pipeline, snapshot, snapshotRef, inputs, parent } = options;
  const { template, parts, heldOut } = await findPrompts(options);
  const rows = await cleanRows(options, template, heldOut);
  const placed = await placeGroups(options, rows);
  const { written, issues } = await writeExamples(options, { template, heldOut, rows, ...placed });
  return writeManifest(artifacts, {
    pipeline,
    inputs,
    parent: parent && { number: parent.number, sha256: parent.ref.sha256 },
    snapshot: snapshotRef,
    log: snapshot,
    template,
    parts,
    rows,
    ...placed,
    written,
    issues,
  });
}

interface Prompts {
  template: PromptTemplate;
  /** Parts that change and were tested, see `keepWhatDecides`. */
  parts: CutPart[];
  /** Of the test file, where there is one. */
  heldOut: Example[];
}

async function findPrompts({
  artifacts,
  pipeline,
  snapshot,
  parent,
  erased,
  onProgress,
}: PrepareOptions): Promise<Prompts> {
  onProgress('find the instructions');
  const segments = await filesOf(artifacts, snapshot.segments);
  const before = parent ? await loadStored(TEMPLATE, artifacts, parent.manifest.template.ref) : null;
  const { template, parts } = await findTemplate(pipeline, segments, before);
  const testFile = testFileOf(pipeline);
  return { template, parts, heldOut: testFile === null ? [] : await readHeldOut(testFile, template, erased) };
}

/** Takes the instructions off, judges and redacts each row, and groups nearly equal inputs. */
async function cleanRows(options: PrepareOptions, template: PromptTemplate, heldOut: Example[]): Promise<PreparedRows> {
  const { artifacts, pipeline, snapshot, scratch, signal, onProgress } = options;
  const rows = await prepareRows(
    {
      segments: await filesOf(artifacts, snapshot.segments),
      actuals: (await filesOf(artifacts, snapshot.actuals)).map(({ file }) => file),
      heldOut,
      settings: {
        template,
        treatments: treatmentsOf(pipeline),
        limits: profileOf(pipeline.provider).limits,
        classification: pipeline.task === 'classification',
        redact: pipeline.clean.redact,
        phoneRegion: pipeline.clean.phone_region,
        analyzer: analyzerOf(pipeline),
        groupBy: pipeline.split.group_by ?? null,
        turns: pipeline.clean.turns,
        labelKeys: { labels: pipeline.labels, multi_label: pipeline.multi_label, target: pipeline.target },
        minQuality: leastQuality(pipeline.source),
      },
    },
    { scratch, signal, onProgress: (done) => onProgress('strip and clean', done) },
  );
  refuseMismatch(rows.issues, snapshot);
  // A deployment logs answers of our own models every hour, which is no fault of the log.
  if (isStrict(pipeline)) refuseIssues(rows.issues.all().filter(({ verdict }) => verdict !== 'own-answer'));
  return rows;
}

/** Gives each group of nearly equal inputs a side, and keeps the sides of earlier versions. */
async function placeGroups({ artifacts, pipeline, parent, onProgress }: PrepareOptions, rows: PreparedRows) {
  onProgress('split');
  const { split, clean, task } = pipeline;
  const salt = splitSalt(split.seed);
  const ledger =
    parent?.manifest.salt.sha256 === salt.sha256
      ? await SideLedger.from(artifacts.rows(parent.manifest.ledger))
      : new SideLedger();
  const labels = task === 'classification' ? judgeLabels(rows) : withoutLabels(rows);
  if (task === 'classification') refuseNoLabels(rows, labels, pipeline.multi_label ?? false);
  const placement = placeRows(rows, labels, ledger, {
    duplicates: clean.duplicates,
    validation: split.validation,
    test: typeof split.test === 'number' ? split.test : 0,
    salt: salt.salt,
    by: split.by,
    stratify: task === 'classification',
  });
  return { salt, ledger, labels, placement };
}

/** Writes examples and training files. The table has the issues of all steps, collecting included. */
async function writeExamples(
  { artifacts, pipeline, snapshot, onProgress }: PrepareOptions,
  { template, heldOut, rows, labels, placement }: Omit<Prompts, 'parts'> & { rows: PreparedRows } & Placed,
) {
  const issues = new IssueTable(snapshot.verdicts);
  issues.merge(rows.issues.all());
  const written = await writeDataset(artifacts, rows, labels, placement, {
    template,
    treatments: treatmentsOf(pipeline),
    heldOut,
    issues,
    onRow: (done) => {
      if (done % PROGRESS_ROWS === 0) onProgress('write the dataset', done);
    },
  });
  if (isStrict(pipeline)) refuseIssues(issues.all().filter(({ verdict }) => LABEL_ISSUES.has(verdict)));
  return { written, issues };
}

type Placed = Pick<Awaited<ReturnType<typeof placeGroups>>, 'labels' | 'placement'>;

function isStrict({ clean }: Pipeline): boolean {
  return clean.rows === 'strict';
}

async function filesOf(
  artifacts: ArtifactStore,
  refs: readonly ArtifactRef[],
): Promise<{ file: string; bytes: number; rows: number }[]> {
  const files = [];
  for (const ref of refs) files.push({ file: await artifacts.file(ref), bytes: ref.bytes, rows: ref.rows });
  return files;
}

function analyzerOf({ clean: { presidio } }: Pipeline): PresidioOptions | null {
  if (presidio === undefined) return null;
  const { url, language, entities, min_score: minScore } = presidio;
  return { url, language, minScore, ...(entities ? { entities } : {}) };
}
