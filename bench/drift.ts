/**
 * How often new rows that are like the old ones count as drift, and how often rows that are not like them do. Beside it the
 * textbook rule, a population stability index of the words above 0.1. `npm run bench:drift`
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { randomShares } from '@tuneloop/app/internal/shared/random';
import { type DriftRow, driftRow, measureDrift } from '../src/data/drift/drift.ts';

const FILE = path.join(import.meta.dirname, '..', '..', 'shared', 'data', 'banking77', 'test.jsonl');
const DRAWS = 60;
const OLD_ROWS = 1000;

interface Row {
  text: string;
  label: string;
}

if (!existsSync(FILE)) {
  console.log(`Skipped: ${FILE} is not there.`);
} else {
  const rows = readFileSync(FILE, 'utf8')
    .trim()
    .split('\n')
    .map((line): Row => {
      const { input, label } = JSON.parse(line) as { input: string; label: string };
      return { text: input, label };
    });
  const labels = [...new Set(rows.map(({ label }) => label))].sort();
  const known = new Set(labels.slice(0, 60));
  const usual = rows.filter(({ label }) => known.has(label));
  const others = rows.filter(({ label }) => !known.has(label));
  const random = randomShares(7);
  const draw = (from: readonly Row[], count: number) =>
    Array.from({ length: count }, () => from[Math.floor(random() * from.length)] ?? { text: '', label: '' });
  const toDrift = ({ text, label }: Row): DriftRow => driftRow(text, label);

  const measure = async (name: string, fresh: () => Row[]) => {
    let found = 0;
    let textbook = 0;
    for (let round = 0; round < DRAWS; round += 1) {
      const drift = await measureDrift(draw(usual, OLD_ROWS).map(toDrift), fresh().map(toDrift));
      if (drift.significant) found += 1;
      if ((drift.statistics.find((each) => each.name === 'word-psi')?.value ?? 0) > 0.1) textbook += 1;
    }
    const percent = (count: number) => `${((100 * count) / DRAWS).toFixed(1)} %`.padStart(8);
    console.log(`${name.padEnd(44)}${percent(found)}${percent(textbook)}`);
  };

  const title = `${DRAWS} draws each, ${OLD_ROWS} old rows of 60 topics`;
  console.log(`${title.padEnd(44)}   drift  PSI > 0.1`);
  for (const count of [50, 200, 500]) await measure(`${count} rows of the same topics`, () => draw(usual, count));
  for (const [count, share] of [
    [50, 0.3],
    [200, 0.1],
    [200, 0.3],
  ] as const) {
    await measure(`${count} rows, ${share * 100} % of other topics`, () => [
      ...draw(usual, Math.round(count * (1 - share))),
      ...draw(others, Math.round(count * share)),
    ]);
  }
  await measure('200 rows, twice as long', () =>
    draw(usual, 200).map(({ text, label }, place) => ({ text: `${text} ${usual[place]?.text ?? ''}`, label })),
  );
}
