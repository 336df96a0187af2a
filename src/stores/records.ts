import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileName } from '@tuneloop/app/internal/shared/file-name';
import { hasCode } from '@tuneloop/app/internal/shared/files';
import { TuneloopError } from '../errors.ts';
import { temporaryName } from './temporary-files.ts';

/**
 * Keeps series of numbered records. A record is written once, whole or not at all, and is never replaced, so that a writer that was thought
 * dead cannot undo later records.
 *
 * An object store implements this with a list by prefix, a get, and a put with `If-None-Match: *`.
 */
export interface RecordStore {
  /** The names of the series that exist, sorted. */
  names(): Promise<string[]>;
  /** The numbers of the records of a series, ascending; none for a series that does not exist. */
  numbers(name: string): Promise<number[]>;
  /** The text of a record, or null where there is none. */
  read(name: string, number: number): Promise<string | null>;
  /**
   * Writes a record.
   *
   * @param number 0 to 999,999,999,999,999. The caller chooses it: records of a series may have gaps.
   * @returns whether this call wrote the record. False: a record of this number exists, and stays as it is.
   * @throws TuneloopError USAGE for a number that is out of range.
   */
  append(name: string, number: number, text: string): Promise<boolean>;
  /** The place of a series, or of a record of it, for error messages. */
  place(name: string, number?: number): string;
}

/** The record store on a folder: `<folder>/<name>/000012.json`. Names that differ only in special characters share a folder. */
export class FileRecords implements RecordStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async names(): Promise<string[]> {
    try {
      const entries = await readdir(this.#folder, { withFileTypes: true });
      return entries.flatMap((entry) => (entry.isDirectory() ? entry.name : [])).sort();
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    }
  }

  async numbers(name: string): Promise<number[]> {
    try {
      const names = await readdir(this.place(name));
      return names
        .filter((each) => RECORD_FILE.test(each))
        .map((each) => Number.parseInt(each, 10))
        .sort((a, b) => a - b);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    }
  }

  async read(name: string, number: number): Promise<string | null> {
    try {
      return await readFile(this.place(name, number), 'utf8');
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return null;
      throw error;
    }
  }

  append(name: string, number: number, text: string): Promise<boolean> {
    return appendRecord(this.place(name), number, text);
  }

  place(name: string, number?: number): string {
    const folder = path.join(this.#folder, fileName(name));
    return number === undefined ? folder : path.join(folder, recordFile(number));
  }
}

/**
 * Writes the record of a number into a folder, readable by its owner only: the record is there whole or not at all.
 *
 * @returns false where a record of this number exists; that one stays as it is.
 * @throws TuneloopError USAGE for a number that is out of range.
 */
async function appendRecord(folder: string, number: number, text: string): Promise<boolean> {
  if (!Number.isInteger(number) || number < 0 || number > MAX_NUMBER) {
    throw new TuneloopError('USAGE', `${number} cannot be the number of a record: use 0 to ${MAX_NUMBER}`);
  }
  const file = path.join(folder, recordFile(number));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = temporaryName(file);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Unlike a rename, a link never replaces a file of another process.
    await link(temporary, file);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

const MAX_NUMBER = 999_999_999_999_999;

/** Six digits, or more without leading zeros, so that each number has one name. */
const RECORD_FILE = /^(\d{6}|[1-9]\d{6,14})\.json$/;

function recordFile(number: number): string {
  return `${String(number).padStart(6, '0')}.json`;
}
