import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../setup/cli.ts';

const document = readFileSync(path.join(ROOT, 'docs', 'reference', 'reliability.md'), 'utf8');
const promised = [...document.matchAll(/^\| (F\d\d) \|/gm)].map(([, row = '']) => row);
const titles = globSync('test/**/*.test.ts', { cwd: ROOT }).flatMap((file) =>
  [...readFileSync(path.join(ROOT, file), 'utf8').matchAll(/['"`]((?:F\d\d )+)/g)].flatMap(([, rows = '']) =>
    rows.trim().split(' '),
  ),
);

test('every fault of the table is the subject of a test, and no test is about one that the table lacks', () => {
  expect(promised.length).toBeGreaterThanOrEqual(40);
  expect([...new Set(titles)].toSorted()).toEqual(promised.toSorted());
});
