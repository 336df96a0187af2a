import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline as streamTo } from 'node:stream/promises';
import type { Client } from '@temporalio/client';
import type { Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import type { Environment } from '../config/environment.ts';
import { MANIFEST } from '../contract/stored/manifest.ts';
import { EXAMPLE } from '../contract/stored/rows.ts';
import { TEMPLATE } from '../contract/stored/template.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import { messagesFor } from '../data/rows/messages.ts';
import { TuneloopError } from '../errors.ts';
import { isClientDefault, profileOf } from '../providers/profiles/index.ts';
import {
  asksOriginal,
  PROMPTFOO_TESTS,
  type PromptfooServer,
  promptfooConfig,
  promptfooTest,
  showsRecorded,
} from '../report/promptfoo.ts';
import type { Report } from '../report/report.ts';
import { parseReport } from '../report/report-schema.ts';
import { DatasetVersions } from '../stores/dataset-versions.ts';
import { writeFileAtomically } from '../stores/files.ts';
import { trainerUrlOf } from '../stores/services-file.ts';
import { loadLines, loadStored } from '../stores/stored-objects.ts';
import { artifactsOf, describeRun, pipelineOf, type RunHandle, type RunStatus, runJson } from './runs.ts';

/** The error of a run without a report. */
export function noReport(id: string, status: RunStatus): TuneloopError {
  return new TuneloopError('REPORT_UNREADABLE', `${id} has no report: it is ${status}. \`tuneloop watch\` follows it`);
}

/**
 * The report of a run that has ended, from the folder that the run names, with the pipeline as it was when the run started.
 *
 * @throws TuneloopError RUN_NOT_FOUND, REPORT_UNREADABLE
 */
export async function reportOfRun(
  client: Client,
  environment: Environment,
  id: string,
): Promise<{ report: Report; pipeline: Pipeline }> {
  const handle: RunHandle = client.workflow.getHandle(id);
  const { reportPath, status } = await runJson(handle);
  if (reportPath === undefined) throw noReport(id, status);
  const report = await readReport(id, path.dirname(reportPath));
  return { report, pipeline: await pipelineOf(environment, await describeRun(handle)) };
}

/**
 * The report in the folder of a run.
 *
 * @throws TuneloopError RUN_NOT_FOUND where there is none, REPORT_UNREADABLE where this version cannot read it.
 */
export async function readReport(id: string, folder: string): Promise<Report> {
  const file = path.join(folder, 'report.json');
  return parseReport(await readFileOf(id, file), file);
}

/** The text of a file of a run's report. @throws TuneloopError RUN_NOT_FOUND where it is not on this machine. */
export function readFileOf(id: string, file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new TuneloopError(
      'RUN_NOT_FOUND',
      `the report of ${id} is not on this machine (${error.code}: ${file}): the client and the workers must share one TUNELOOP_HOME`,
    );
  });
}

/** Writes the files with which promptfoo repeats the last comparison of a run; returns the config's path. */
export async function writePromptfoo(
  folder: string,
  found: Report,
  pipeline: Pipeline,
  environment: Environment,
): Promise<string> {
  const { winnerModel } = found;
  if (winnerModel === null) {
    throw new TuneloopError(
      'RUN_NOT_FOUND',
      `${found.runId} has no winner, so there is nothing to repeat with promptfoo`,
    );
  }
  const { max_output_tokens: maxOutputTokens } = pipeline.evaluation;
  const text = promptfooConfig({ ...found, winnerModel }, serverOf(pipeline, environment), maxOutputTokens);
  const config = path.join(folder, 'promptfooconfig.yaml');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeRows(path.join(folder, PROMPTFOO_TESTS), promptfooTests(found, pipeline, environment));
  await writeFileAtomically(config, text);
  return config;
}

/** Writes rows whole or not at all. A file that others may read is replaced, and not written into. */
async function writeRows(file: string, rows: AsyncIterable<string>): Promise<void> {
  const temporary = `${file}.writing-${randomUUID()}`;
  try {
    await streamTo(Readable.from(rows), createWriteStream(temporary, { flags: 'wx', mode: 0o600 }));
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The judging rows, one by one. */
async function* promptfooTests(found: Report, pipeline: Pipeline, environment: Environment): AsyncIterable<string> {
  const artifacts = artifactsOf(environment);
  const { version } = found.dataset;
  const versions = await new DatasetVersions(environment.home).list(pipeline.name);
  const dataset = versions.find(({ manifest }) => manifest.sha256.startsWith(version));
  if (!dataset) {
    throw new TuneloopError(
      'DATASET_NOT_FOUND',
      `the rows of ${found.runId} are not on this machine: ${pipeline.name} has no dataset version ${version} in ${environment.home}`,
    );
  }
  const manifest = await loadStored(MANIFEST, artifacts, dataset.manifest);
  const template = await loadStored(TEMPLATE, artifacts, manifest.template.ref);
  const treatment = treatmentOf(found);
  for await (const example of loadLines(EXAMPLE, artifacts, manifest.examples[found.judgedOn])) {
    const { completion, references = [], recorded } = example;
    if (showsRecorded(found) && !recorded?.checked) continue;
    const test = promptfooTest({
      treated: messagesFor(template, example, treatment),
      original: asksOriginal(found) ? messagesFor(template, example, 'keep-instructions') : null,
      recorded: showsRecorded(found) && recorded ? recorded.completion : null,
      expected: [completion, ...references],
    });
    yield `${test}\n`;
  }
}

/** The treatment of the winner's prompts. */
function treatmentOf({ candidates, winner }: Report): Treatment {
  const isWinner = ({ id }: { id: string }) => id === winner;
  const won = candidates.find((candidate) => isWinner(candidate) || candidate.checkpoints.some(isWinner));
  if (won) return won.treatment;
  throw new TuneloopError('REPORT_UNREADABLE', `the winner ${winner} is none of the candidates of the report`);
}

function serverOf({ provider }: Pipeline, environment: Environment): PromptfooServer {
  const profile = profileOf(provider, trainerUrlOf(environment));
  return { baseURL: isClientDefault(profile) ? null : profile.address, apiKeyEnv: profile.keyVariable };
}
