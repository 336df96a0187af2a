import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { readStored } from '../contract/stored/format.ts';
import { PAST_WINNERS, pastWinnerSchema } from '../contract/stored/past-winners.ts';
import { WRITTEN_BY } from '../contract/stored/written-by.ts';
import { settingsKey } from '../core/run/hyperparameters.ts';
import { writeFileAtomically } from './files.ts';
import { pastWinnersFile } from './home.ts';

/** The settings that won a run, which later runs of the pipeline try first. */
export type PastWinner = z.infer<typeof pastWinnerSchema>;

interface PastWinners {
  /** Newest first. */
  winners: PastWinner[];
  /** Why some or all could not be read; null where all could. */
  warning: string | null;
}

/** Older ones are forgotten. */
const MOST_KEPT = 20;

/** The winners of a pipeline. An unreadable file costs a run its head start, and nothing else. */
export async function readPastWinners(home: string, pipeline: string): Promise<PastWinners> {
  const file = pastWinnersFile(home, pipeline);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { winners: [], warning: code === 'ENOENT' ? null : unreadable(file, code ?? String(error)) };
  }
  try {
    const entries = readStored(PAST_WINNERS, JSON.parse(text), file);
    const winners = entries.flatMap((entry) => pastWinnerSchema.safeParse(entry).data ?? []);
    return {
      winners,
      warning: winners.length < entries.length ? unreadable(file, 'not all of it is as written') : null,
    };
  } catch {
    return { winners: [], warning: unreadable(file, 'it is no list of winners') };
  }
}

/**
 * Adds the newest winner. Settings that have won before move to the front, so that a repeated call changes nothing. Of two
 * runs that end at the same moment one may be forgotten.
 */
export async function addPastWinner(home: string, pipeline: string, winner: PastWinner): Promise<void> {
  const { winners } = await readPastWinners(home, pipeline);
  const others = winners.filter((other) => settingsOf(other) !== settingsOf(winner));
  const kept = [winner, ...others].slice(0, MOST_KEPT);
  const file = { format: PAST_WINNERS.format, writtenBy: WRITTEN_BY, winners: kept };
  await writeFileAtomically(pastWinnersFile(home, pipeline), `${JSON.stringify(file, null, 2)}\n`);
}

function settingsOf({ baseModel, hyperparameters, treatment }: PastWinner): string {
  return JSON.stringify([baseModel, settingsKey(hyperparameters), treatment]);
}

function unreadable(file: string, reason: string): string {
  return `The winners of earlier runs in ${file} cannot be read (${reason}), so the sweep does not begin with them.`;
}
