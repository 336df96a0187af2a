import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ISSUES, IssueTable, placeText, type RowIssue } from '../../../src/core/dataset/issue.ts';
import { ROOT } from '../../setup/cli.ts';

const names = Object.keys(ISSUES) as RowIssue[];
const at = (line: number) => ({ file: 'a.jsonl', line });

test.each(names)('%s says in one plain sentence what is wrong', (name) => {
  expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
  expect(ISSUES[name].what).toMatch(/^[a-zA-Z][^\n]{10,}[^.]$/);
  expect(ISSUES[name].what.length).toBeLessThan(130);
});

test('no two issues have the same text', () => {
  expect(new Set(names.map((name) => ISSUES[name].what)).size).toBe(names.length);
});

test('rows are counted by issue, the most frequent first, equally frequent ones by name', () => {
  const table = new IssueTable();
  for (const issue of ['nan', 'crlf', 'crlf', 'refusal'] as const) table.add(issue, at(table.rows(issue) + 1));
  expect(table.all()).toEqual([
    { verdict: 'crlf', rows: 2, places: ['a.jsonl:1', 'a.jsonl:2'] },
    { verdict: 'nan', rows: 1, places: ['a.jsonl:1'] },
    { verdict: 'refusal', rows: 1, places: ['a.jsonl:1'] },
  ]);
  expect(table.rows('blank-line')).toBe(0);
});

test('only the first places are kept, added or merged', () => {
  const table = new IssueTable();
  for (let line = 1; line <= 15; line += 1) table.add('nan', at(line));
  const other = new IssueTable();
  for (let line = 16; line <= 40; line += 1) other.add('nan', at(line));
  table.merge(other.all());
  expect(table.rows('nan')).toBe(40);
  expect(table.all()[0]?.places).toEqual(Array.from({ length: 20 }, (_, index) => `a.jsonl:${index + 1}`));
});

test('a table continues an earlier one, which stays unchanged', () => {
  const before = [{ verdict: 'nan' as const, rows: 2, places: ['a.jsonl:1', 'a.jsonl:2'] }];
  const table = new IssueTable(before);
  table.add('nan', at(3));
  expect(table.all()).toEqual([{ verdict: 'nan', rows: 3, places: ['a.jsonl:1', 'a.jsonl:2', 'a.jsonl:3'] }]);
  expect(before[0]?.places).toHaveLength(2);
});

test('a row without a file is named by its number', () => {
  expect(placeText({ line: 7 })).toBe('row 7');
  expect(placeText(at(7))).toBe('a.jsonl:7');
});

test('the documentation lists every issue with its text', () => {
  const document = readFileSync(path.join(ROOT, 'docs', 'guide', 'data.md'), 'utf8');
  const listed = [...document.matchAll(/^\| `([\w-]+)` \| (drop|mend|note) \| (.*) \|$/gm)].map(
    ([, ...cells]) => cells,
  );
  expect(listed).toEqual(names.map((name) => [name, ISSUES[name].effect, ISSUES[name].what]));
});
