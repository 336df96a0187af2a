import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RunJson } from '../../src/client/runs.ts';
import { cli, lastJson, ROOT, temporaryHome } from './cli.ts';
import { writePipeline } from './shop-log.ts';

const DATA = path.join(ROOT, '..', 'shared', 'data');

/** Whether the sets of real data are on this machine; they are not part of the repository. */
export const hasRealData = existsSync(DATA);
if (!hasRealData) console.warn(`The runs on real data are skipped: there is no folder ${DATA}`);

export interface RealRun {
  /** Settings of the pipeline file. */
  task: 'classification' | 'generation';
  candidates: object;
}

/** Runs the demo on a set of real data; the official test rows judge. */
export async function runOnRealData(
  set: string,
  { task, candidates }: RealRun,
): Promise<{ code: number | null; run: RunJson }> {
  const { home, remove } = temporaryHome();
  const rows = (file: string) => readFileSync(path.join(DATA, set, file), 'utf8');
  try {
    const test = path.join(home, 'test.jsonl');
    writeFileSync(test, rows('test.jsonl'));
    const name = set.replace('_', '-');
    const file = writePipeline(home, rows('log.jsonl'), { name, task, split: { test: { file: test } }, candidates });
    const ended = await cli(home, ['demo', '--json', '--pipeline', file]);
    return { code: ended.code, run: lastJson<RunJson>(ended) };
  } finally {
    remove();
  }
}
