import { mkdir, mkdtemp, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import path from 'node:path';
import type { Environment } from '../config/environment.ts';
import { labellingId } from '../contract/ids.ts';
import { originalProvider } from '../core/run/pipeline.ts';
import { ActualsFile } from '../data/labels/actuals-file.ts';
import { type TakenCorrections, takeCorrections } from '../data/labels/corrections.ts';
import { findDoubtfulRows } from '../data/labels/doubtful-rows.ts';
import { openLog, readLog } from '../data/labels/labelling-log.ts';
import { readSheet, SHEET_HEAD, sheetLine } from '../data/labels/sheet.ts';
import { keptOutFile } from '../data/labels/teacher-files.ts';
import { TuneloopError } from '../errors.ts';
import { connectProvider } from '../providers/connect.ts';
import { ErasedRows } from '../stores/erased-rows.ts';
import { FileStore } from '../stores/file-store.ts';
import { labellingScratchPrefix } from '../stores/home.ts';
import { trainerUrlOf } from '../stores/services-file.ts';
import { sweepHome } from '../stores/sweep.ts';
import type { PipelineWithActuals } from './labellings.ts';

export interface ExportOptions {
  /** Replaces an existing file. */
  force?: boolean;
  /** Ends the reading; the unfinished sheet is removed. */
  signal?: AbortSignal;
}

/** A sheet that was written. */
export interface ExportedSheet {
  /** Absolute path. */
  file: string;
  /** Rows in the sheet. */
  rows: number;
  /** Rows of the log. */
  of: number;
}

export interface ImportOptions {
  /** The person who filled in the sheet; the user of this machine by default. */
  by?: string;
  /** Takes labels that the log does not have. */
  accept?: boolean;
  signal?: AbortSignal;
}

/** The answers that were imported, and the file that they were added to. */
export type ImportedSheet = { file: string } & TakenCorrections;

/** Writes the rows that a person should look at. */
export async function exportDoubtful(
  environment: Environment,
  pipeline: PipelineWithActuals,
  sheet: string,
  { force = false, signal = new AbortController().signal }: ExportOptions,
): Promise<ExportedSheet> {
  await refuseOverwriting(sheet, force);
  const keptOut = await ActualsFile.open(keptOutFile(environment.home, labellingId(pipeline.name)));
  const source = await openLog(pipeline.source, () =>
    connectProvider(originalProvider(pipeline), trainerUrlOf(environment)),
  );
  await mkdir(environment.home, { recursive: true, mode: 0o700 });
  await sweepHome(environment.home);
  const scratch = await mkdtemp(labellingScratchPrefix(environment.home));
  try {
    const artifacts = new FileStore(scratch);
    const erased = await ErasedRows.read(environment.home);
    const log = await readLog(source, artifacts, (row) => !erased.has(row), { signal });
    const doubtful = findDoubtfulRows(artifacts, log, {
      task: pipeline.task,
      instructions: pipeline.clean.instructions,
      keptOut: keptOut.answers,
    });
    let rows = 0;
    const lines = async function* () {
      yield SHEET_HEAD;
      for await (const { reasons, ...row } of doubtful) {
        signal.throwIfAborted();
        rows += 1;
        yield sheetLine({ ...row, reason: reasons.join('; '), actual: '', note: '' });
      }
    };
    await writeWhole(sheet, lines(), force);
    const file = path.resolve(sheet);
    return { file, rows, of: log.rows.rows };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Imports the answers that people have filled in. */
export async function importCorrections(
  environment: Environment,
  pipeline: PipelineWithActuals,
  sheet: string,
  { by = userInfo().username, accept = false, signal = new AbortController().signal }: ImportOptions,
): Promise<ImportedSheet> {
  const corrections = readSheet(await readInput(sheet), sheet);
  const source = await openLog(pipeline.source, () =>
    connectProvider(originalProvider(pipeline), trainerUrlOf(environment)),
  );
  const { actuals } = pipeline.source;
  const taken = await takeCorrections(source, corrections, {
    name: sheet,
    by: `person:${by}`,
    classification: pipeline.task === 'classification',
    accept,
    allowed: (pipeline.labels ?? []).map((label) => (typeof label === 'string' ? label : label.name)),
    actualsFile: actuals,
    now: new Date(),
    signal,
  });
  return { file: actuals, ...taken };
}

async function readInput(sheet: string): Promise<Buffer> {
  return readFile(sheet).catch((error: unknown) => {
    throw new TuneloopError('USAGE', `${sheet} cannot be read (${codeOf(error)}): name the sheet that was filled in`);
  });
}

async function refuseOverwriting(sheet: string, force: boolean): Promise<void> {
  const exists = await stat(sheet).then(
    () => true,
    () => false,
  );
  if (exists && !force) {
    throw new TuneloopError('USAGE', `${sheet} exists already: take another name, or --force to replace it`);
  }
}

const BUFFER_CHARS = 1 << 18;

/** Writes a file whole or not at all, readable by its owner only. */
async function writeWhole(file: string, parts: AsyncIterable<string>, force: boolean): Promise<void> {
  const temporary = `${file}.writing-${process.pid}`;
  try {
    const handle = await open(temporary, 'wx', 0o600).catch((error: unknown) => {
      throw new TuneloopError('USAGE', `${file} cannot be written (${codeOf(error)}): take another name`);
    });
    try {
      let buffer = '';
      for await (const part of parts) {
        buffer += part;
        if (buffer.length < BUFFER_CHARS) continue;
        await handle.appendFile(buffer);
        buffer = '';
      }
      await handle.appendFile(buffer);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await refuseOverwriting(file, force);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
}
