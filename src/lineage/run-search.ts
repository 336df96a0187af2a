import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { isLabellingScratch, runsFolder } from '../stores/home.ts';
import type { FoundRows } from './found-rows.ts';
import { filesUnder, known } from './home-files.ts';
import { sizeOf } from './home-index.ts';
import { rowLines } from './row-lines.ts';
import type { PlaceKind } from './row-places.ts';

const flipList = z.array(z.object({ id: z.string() }));
const flipsSchema = z.object({ flips: z.object({ gained: flipList, lost: flipList }).nullable() });

/** The forms of a report. The one that lists the rows in the others comes last. */
export const REPORT_FORMS = ['report.html', 'report.md', 'report.json'];

/** Looks through the folders of runs and labellings. */
export async function searchRuns(found: FoundRows, onFile: (file: string) => void): Promise<void> {
  const { index, places } = found;
  const onUnread = (folder: string) => index.note(`the folder ${folder} cannot be read`);
  const names = await readdir(index.home).catch(() => []);
  const labelling = names.filter(isLabellingScratch).map((name) => path.join(index.home, name));
  for (const folder of [runsFolder(index.home), ...labelling]) {
    for await (const file of filesUnder(folder, onUnread)) {
      const scratch = file.lastIndexOf(`${path.sep}scratch${path.sep}`);
      if (scratch !== -1) {
        const left = `${file.slice(0, scratch)}${path.sep}scratch`;
        index.note(`${left} is left of an interrupted run, and may hold it`);
        found.scratch.add(left);
      } else if (path.basename(file) === 'report.json') await searchReport(found, file);
      else if (!REPORT_FORMS.includes(path.basename(file))) {
        onFile(file);
        await index.whereReadable(file, async () => {
          for await (const { line } of rowLines(file, found.ids)) places.add(kindOf(file), file, [], line);
        });
      }
    }
  }
}

/** The flips of a report, which its three forms show with excerpts. */
async function searchReport({ places, ids }: FoundRows, file: string): Promise<void> {
  const flips = await known(async () => flipsSchema.parse(JSON.parse(await readFile(file, 'utf8'))).flips);
  if (!flips.known) return;
  const shown = [...(flips.value?.gained ?? []), ...(flips.value?.lost ?? [])];
  if (!shown.some(({ id }) => isExcerptOf(id, ids))) return;
  for (const name of REPORT_FORMS) {
    const form = path.join(path.dirname(file), name);
    if ((await sizeOf(form)) >= 0) places.add('report', form, [], null);
  }
}

/** Whether a report means one of these rows. Reports cut long ids. */
export function isExcerptOf(shown: string, ids: ReadonlySet<string>): boolean {
  if (ids.has(shown)) return true;
  if (!shown.endsWith('…')) return false;
  const beginning = shown.slice(0, -1);
  return [...ids].some((id) => id.startsWith(beginning));
}

function kindOf(file: string): PlaceKind {
  const name = path.basename(file);
  if (name === 'scores.jsonl') return 'scores';
  return name === 'kept-out.jsonl' || name.startsWith('answers-') ? 'labelling' : 'leftover';
}
