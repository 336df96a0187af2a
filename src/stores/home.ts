/**
 * The layout of TUNELOOP_HOME. This module alone knows it; every other module asks here for a path.
 *
 * | path | holds |
 * |---|---|
 * | `artifacts/<first two hex digits>/<sha256>` | stored artifacts, by hash; `<sha256>.erased` says that one was erased |
 * | `datasets/<pipeline>/000001.json` | dataset versions |
 * | `deployments/<pipeline>/000001.json` | aliases; `canary.json` beside them |
 * | `runs/<workflow id>/` | reports and unfinished work of one run; a `/` of the id separates folders |
 * | `completions/<hash>/` | answers of models that were paid for |
 * | `past-winners/<pipeline>.json` | settings that won earlier runs |
 * | `labelling-<random>/` | scratch files of the command that writes a sheet for people |
 * | `erased/<sha256>.json` | rows that `tuneloop forget` erased: hashes, and what is left of them at the provider |
 * | `webhooks/` | deliveries that the receiver has seen |
 * | `trainer/`, `logs/`, `temporal.db`, `services.json` | services that were started on this machine |
 */
import path from 'node:path';
import { aliasFolder } from '@tuneloop/app/internal/predict/alias-reader';
import { fileName } from '@tuneloop/app/internal/shared/file-name';

export function artifactsFolder(home: string): string {
  return path.join(home, 'artifacts');
}

/** @param sha256 64 hexadecimal digits; the caller has checked them. */
export function artifactFile(home: string, sha256: string): string {
  return artifactIn(artifactsFolder(home), sha256);
}

/** The same within a folder of artifacts. */
export function artifactIn(artifacts: string, sha256: string): string {
  return path.join(artifacts, sha256.slice(0, 2), sha256);
}

export function datasetsFolder(home: string): string {
  return path.join(home, 'datasets');
}

export function deploymentsFolder(home: string): string {
  return path.join(home, 'deployments');
}

/** The aliases of a deployment. */
export function deploymentFolder(home: string, pipeline: string): string {
  return aliasFolder(home, pipeline);
}

/** The latest look at the canary of a deployment. */
export function canaryFile(home: string, pipeline: string): string {
  return path.join(deploymentFolder(home, pipeline), 'canary.json');
}

export function runsFolder(home: string): string {
  return path.join(home, 'runs');
}

/**
 * The folder of one run: reports, which people open, and unfinished work.
 *
 * @param runId the id of the workflow, which may hold any character: each part becomes a plain file name.
 */
export function runFolder(home: string, runId: string): string {
  return path.join(runsFolder(home), ...runId.split('/').map(fileName));
}

/** Scratch files of the attempts that prepare a dataset version in a run. */
export function scratchFolder(home: string, runId: string): string {
  return path.join(runFolder(home, runId), 'scratch');
}

/** What a teacher model answered in a labelling run. The next run of the labelling reads what an aborted one left. */
export function teacherAnswersFile(home: string, labellingId: string, model: string): string {
  return path.join(runFolder(home, labellingId), `answers-${fileName(model)}.jsonl`);
}

/** Answers of teachers that were not trusted: people see them, and no teacher is asked again. Read by `ActualsFile`. */
export function keptOutFile(home: string, labellingId: string): string {
  return path.join(runFolder(home, labellingId), 'kept-out.jsonl');
}

export function completionsFolder(home: string): string {
  return path.join(home, 'completions');
}

export function pastWinnersFile(home: string, pipeline: string): string {
  return path.join(home, 'past-winners', `${fileName(pipeline)}.json`);
}

/** Scratch folders of the command that writes a sheet for people begin with this, and six random characters follow. */
export function labellingScratchPrefix(home: string): string {
  return path.join(home, LABELLING);
}

/** Whether an entry of the home folder is a scratch folder of {@link labellingScratchPrefix}. */
export function isLabellingScratch(name: string): boolean {
  return name.startsWith(LABELLING);
}

const LABELLING = 'labelling-';

/** One record for each row that was erased. */
export function erasedRowsFolder(home: string): string {
  return path.join(home, 'erased');
}

export function webhooksFolder(home: string): string {
  return path.join(home, 'webhooks');
}

export function trainerFolder(home: string): string {
  return path.join(home, 'trainer');
}

/** The log of a service that was started on this machine. */
export function serviceLogFile(home: string, service: string): string {
  return path.join(home, 'logs', `${service}.log`);
}

/** The database of the Temporal development server. */
export function temporalDatabaseFile(home: string): string {
  return path.join(home, 'temporal.db');
}

/** Which services run on this machine for the home folder. */
export function servicesFile(home: string): string {
  return path.join(home, 'services.json');
}

/** Keeps production data out of the repository of a user whose home folder is in a checkout. */
export function ignoreFile(home: string): string {
  return path.join(home, '.gitignore');
}
