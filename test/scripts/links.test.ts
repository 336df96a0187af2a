import { anchorsOf, deadLinks, deadPages, linksOf } from '../../scripts/links.ts';

const FILES = new Set(['README.md', 'docs/guide/data.md', 'docs/guide/capture.md', 'examples/one/pipeline.yaml']);
const DATA = '# Data\n\n## Near `duplicates`, and so on\n\n## Rows\n\n## Rows\n';
const deadOf = (markdown: string, file = 'docs/guide/capture.md') =>
  deadLinks(file, markdown, FILES, new Map([['docs/guide/data.md', DATA]]));

test.each([
  ['a file beside it', '[x](data.md)'],
  ['a file from another folder', '[x](../../README.md)'],
  ['a folder', '[x](../../examples/one)'],
  ['a heading of another page', '[x](data.md#near-duplicates-and-so-on)'],
  ['the second of two equal headings', '[x](data.md#rows-1)'],
  ['an address', '[x](https://example.com/none.md)'],
])('a link to %s is alive', (_what, markdown) => {
  expect(deadOf(markdown)).toEqual([]);
});

test.each([
  ['a file that does not exist', 'a\n[x](date.md)', 'docs/guide/capture.md:2: date.md does not exist'],
  ['a picture that does not exist', '![x](x.png)', 'docs/guide/capture.md:1: x.png does not exist'],
  [
    'a heading that does not exist',
    '[x](data.md#row)',
    'docs/guide/capture.md:1: docs/guide/data.md has no heading #row',
  ],
])('a link to %s is dead, and named with its line', (_what, markdown, message) => {
  expect(deadOf(markdown)).toEqual([message]);
});

test('what only looks like a link inside of code is none', () => {
  expect(linksOf('```\n[x](none.md)\n```\n`[y](none.md)` [z](data.md#rows)')).toEqual([
    { target: 'data.md', anchor: 'rows', line: 4 },
  ]);
});

test('a heading inside of a code block has no anchor', () => {
  expect([...anchorsOf('```\n# comment\n```\n# Heading')]).toEqual(['heading']);
});

test('a page that the code names has to exist', () => {
  // Put together, because the check reads this file too.
  const gone = ['docs', 'data.md'].join('/');
  expect(deadPages('src/a.ts', `// see docs/guide/data.md\n// and ${gone}`, FILES)).toEqual([
    `src/a.ts:2: ${gone} does not exist`,
  ]);
  expect(deadPages('src/a.ts', '// https://platform.example.com/docs/none.md', FILES)).toEqual([]);
});
