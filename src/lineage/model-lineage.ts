import type { Alias } from '@tuneloop/app/internal/predict/alias';
import type { Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import type { Manifest } from '../core/dataset/manifest.ts';
import type { Side } from '../core/dataset/side.ts';
import type { DeployedModel } from '../core/deployment/deployed-model.ts';
import type { Decision } from '../core/deployment/deployment.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { CandidateResult, ContenderResult, RunFindings } from '../core/run/run-result.ts';
import type { Snapshot } from '../core/run/snapshot.ts';
import { droppedRows } from '../data/split/manifest.ts';
import type { Report } from '../report/report.ts';
import { stateInAlias } from '../stores/state-in-alias.ts';

/** A part of the story, or the reason why it is unknown. */
export type Part<T> = { known: true; value: T } | { known: false; why: string };

/**
 * `there`: it has its size, and was not read. `intact`: its bytes are the written ones. `erased`: `tuneloop forget` has removed it, because
 * it held a row.
 */
export type ArtifactState = 'there' | 'intact' | 'missing' | 'damaged' | 'erased';

export interface StoredArtifact extends ArtifactRef {
  state: ArtifactState;
}

/** The origin of a model and the decisions about it, as far as they are still known. */
export interface Lineage {
  /** The provider's id; null for a contender without a model. */
  model: string | null;
  /** Id of the contender in its run: a candidate, or a checkpoint of one. */
  contender: string;
  /** The workflow id of the run. */
  run: string;
  pipeline: string;
  serves: Served[];
  /** The pipeline as it was in the run; known of models that were proposed. */
  definition: StoredArtifact | null;
  dataset: Part<DatasetLineage>;
  training: Part<Training>;
  evaluation: Part<Evaluation>;
  decisions: Part<Decisions>;
}

/** The deployments in which a model serves, served, or will serve. */
export interface Served {
  deployment: string;
  as: 'champion' | 'canary' | 'challenger' | 'previous';
}

export interface DatasetLineage extends DatasetStep {
  source: Manifest['source'];
  snapshot: Part<{ segments: StoredArtifact[]; actuals: StoredArtifact[]; rows: number }>;
  snapshotArtifact: StoredArtifact;
  template: StoredArtifact;
  dropped: number;
  examples: Record<Side, StoredArtifact>;
  keys: StoredArtifact;
  ledger: StoredArtifact;
  /** The versions that it was built on, newest first. */
  parents: Part<DatasetStep>[];
}

/** One dataset version in a chain of them. */
export interface DatasetStep {
  /** `<pipeline>@<number>`. */
  version: string;
  manifest: StoredArtifact;
  createdAt: string;
  counts: Record<Side, number>;
}

export interface Training {
  baseModel: string;
  hyperparameters: CandidateResult['hyperparameters'];
  treatment: Treatment;
  /** The epoch after which the checkpoint was taken; null for the model of the last one. */
  checkpoint: number | null;
  /** Trained on half of the rows. */
  half: boolean;
  /** The stored files; null where the dataset version cannot be read. */
  files: { train: StoredArtifact; validation: StoredArtifact } | null;
  /** The uploaded files, as the provider's ids. */
  uploads: Part<Uploads>;
  jobId: string | null;
  status: CandidateResult['status'];
  seconds: number | null;
  usd: number | null;
  epochs: number | null;
}

/** Ids of files at the provider. */
export interface Uploads {
  trainingFile: string;
  validationFile: string;
}

/** The known quality of a contender: figures of its run. */
export interface Evaluation
  extends Pick<
    RunFindings,
    | 'metric'
    | 'judgedOn'
    | 'optimism'
    | 'winnerReason'
    | 'winnerJudged'
    | 'baseline'
    | 'comparison'
    | 'champion'
    | 'recommendation'
    | 'reason'
    | 'promotion'
  > {
  createdAt: string;
  validation: ContenderResult['validation'];
  isWinner: boolean;
  /** Why it did not win, or has no model. */
  reasonAgainst: string | null;
  /** The number of contenders in its run. */
  contenders: number;
  reportPath: string;
}

export interface Decisions {
  /** The source of the decisions: the deployment itself, or its newest alias, which may lack the latest. */
  from: 'deployment' | 'alias';
  /** The decisions about this model or its run, oldest first. */
  about: Decision[];
}

/** The loaded parts, before they are put in order. */
export interface LineageParts {
  run: string;
  pipeline: string;
  contender: string;
  model: string | null;
  report: Part<Report>;
  /** The model as it was proposed; null where it never was, or where that is unknown. */
  deployed: DeployedModel | null;
  aliases: readonly Alias[];
  version: Part<LoadedVersion>;
  /** The versions that it was built on, newest first. */
  parents: readonly Part<LoadedVersion>[];
  snapshot: Part<Pick<Snapshot, 'segments' | 'actuals' | 'rows'>>;
  uploads: Part<Uploads>;
  decisions: Part<{ from: Decisions['from']; all: readonly Decision[] }>;
}

export interface LoadedVersion {
  version: string;
  ref: ArtifactRef;
  createdAt: string;
  manifest: Manifest;
}

/** All artifacts that the story of a model names. */
export function artifactsOfLineage({
  deployed,
  version,
  parents,
  snapshot,
  contender,
  report,
}: LineageParts): ArtifactRef[] {
  const refs: ArtifactRef[] = deployed ? [deployed.definition, deployed.manifest] : [];
  for (const part of parents) if (part.known) refs.push(part.value.ref);
  if (snapshot.known) refs.push(...snapshot.value.segments, ...snapshot.value.actuals);
  if (!version.known) return refs;
  const { manifest, ref } = version.value;
  const treatment = treatmentOf(report, contender, deployed);
  const files = manifest.files.filter((file) => file.treatment === treatment);
  return [
    ...refs,
    ref,
    manifest.snapshot,
    manifest.template.ref,
    ...Object.values(manifest.examples),
    manifest.keys,
    manifest.ledger,
    ...files.flatMap(({ train, validation }) => [train, validation]),
  ];
}

/** @param states of {@link artifactsOfLineage}, by hash; one without a state counts as missing. */
export function modelLineage(parts: LineageParts, states: ReadonlyMap<string, ArtifactState>): Lineage {
  const stored = (ref: ArtifactRef): StoredArtifact => ({ ...ref, state: states.get(ref.sha256) ?? 'missing' });
  const { model, contender, run, pipeline, deployed, decisions } = parts;
  return {
    model,
    contender,
    run,
    pipeline,
    serves: model === null ? [] : parts.aliases.flatMap((alias) => rolesOf(alias, model)),
    definition: deployed && stored(deployed.definition),
    dataset: datasetOf(parts, stored),
    training: trainingOf(parts, stored),
    evaluation: evaluationOf(parts),
    decisions: decisions.known
      ? {
          known: true,
          value: {
            from: decisions.value.from,
            about: decisions.value.all.filter((each) =>
              each.model === null ? each.run === run : each.model === model,
            ),
          },
        }
      : decisions,
  };
}

/** The parts of an alias about a model. */
export function rolesOf(alias: Alias, model: string): Served[] {
  const { pipeline: deployment, champion, canary } = alias;
  const state = stateInAlias(alias);
  const served: Served[] = [];
  if (champion?.model === model) served.push({ deployment, as: 'champion' });
  if (canary?.model === model) served.push({ deployment, as: 'canary' });
  else if (state?.challenger?.model === model) served.push({ deployment, as: 'challenger' });
  if (state?.previous.some((each) => each.model === model)) served.push({ deployment, as: 'previous' });
  return served;
}

/** A contender with its candidate; a candidate is its own. */
export function findContender(
  { candidates }: Pick<Report, 'candidates'>,
  is: (contended: ContenderResult) => boolean,
): { candidate: CandidateResult; contended: ContenderResult } | undefined {
  for (const candidate of candidates) {
    const contended = [candidate, ...candidate.checkpoints].find(is);
    if (contended) return { candidate, contended };
  }
  return undefined;
}

type Stored = (ref: ArtifactRef) => StoredArtifact;

function datasetOf({ version, parents, snapshot }: LineageParts, stored: Stored): Part<DatasetLineage> {
  if (!version.known) return version;
  const { manifest } = version.value;
  const stepOf = ({ version: name, ref, createdAt, manifest: { counts } }: LoadedVersion): DatasetStep => ({
    version: name,
    manifest: stored(ref),
    createdAt,
    counts,
  });
  const { train, validation, test } = manifest.examples;
  return {
    known: true,
    value: {
      ...stepOf(version.value),
      source: manifest.source,
      snapshotArtifact: stored(manifest.snapshot),
      snapshot: snapshot.known
        ? {
            known: true,
            value: {
              rows: snapshot.value.rows,
              segments: snapshot.value.segments.map(stored),
              actuals: snapshot.value.actuals.map(stored),
            },
          }
        : snapshot,
      template: stored(manifest.template.ref),
      dropped: droppedRows(manifest.verdicts),
      examples: { train: stored(train), validation: stored(validation), test: stored(test) },
      keys: stored(manifest.keys),
      ledger: stored(manifest.ledger),
      parents: parents.map((part) => (part.known ? { known: true, value: stepOf(part.value) } : part)),
    },
  };
}

function trainingOf({ report, contender, deployed, version, uploads }: LineageParts, stored: Stored): Part<Training> {
  if (!report.known) return report;
  const found = findContender(report.value, ({ id }) => id === contender);
  if (!found) return { known: false, why: `the report of the run has no contender ${contender}` };
  const { candidate } = found;
  const treatment = treatmentOf(report, contender, deployed);
  const files = version.known ? version.value.manifest.files.find((each) => each.treatment === treatment) : undefined;
  return {
    known: true,
    value: {
      baseModel: candidate.baseModel,
      hyperparameters: candidate.hyperparameters,
      treatment: candidate.treatment,
      checkpoint: found.contended === candidate ? null : epochOf(contender),
      half: candidate.half,
      files: files ? { train: stored(files.train), validation: stored(files.validation) } : null,
      uploads,
      jobId: candidate.jobId,
      status: candidate.status,
      seconds: candidate.trainingSeconds,
      usd: candidate.trainingUsd,
      epochs: candidate.epochs,
    },
  };
}

function evaluationOf({ report, contender }: LineageParts): Part<Evaluation> {
  if (!report.known) return report;
  const found = findContender(report.value, ({ id }) => id === contender);
  if (!found) return { known: false, why: `the report of the run has no contender ${contender}` };
  const { candidates, createdAt, metric, judgedOn, optimism, winnerReason, winnerJudged, baseline } = report.value;
  const { comparison, champion, recommendation, reason, promotion, reportPath } = report.value;
  return {
    known: true,
    value: {
      createdAt,
      metric,
      judgedOn,
      validation: found.contended.validation,
      isWinner: report.value.winner === contender,
      reasonAgainst: found.contended.reason,
      contenders: candidates.reduce((sum, { checkpoints }) => sum + 1 + checkpoints.length, 0),
      optimism,
      winnerReason,
      winnerJudged,
      baseline,
      comparison,
      champion,
      recommendation,
      reason,
      promotion,
      reportPath,
    },
  };
}

function treatmentOf(
  report: Part<Report>,
  contender: string,
  deployed: Pick<DeployedModel, 'treatment'> | null,
): Treatment | undefined {
  const found = report.known ? findContender(report.value, ({ id }) => id === contender) : undefined;
  return found?.candidate.treatment ?? deployed?.treatment;
}

/** Checkpoints are called `<candidate>@<epoch>`. */
function epochOf(contender: string): number | null {
  const epoch = Number(contender.slice(contender.lastIndexOf('@') + 1));
  return Number.isInteger(epoch) ? epoch : null;
}
