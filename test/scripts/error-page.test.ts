import { readFileSync } from 'node:fs';
import path from 'node:path';
import { errorPage } from '../../scripts/error-page.ts';
import { ERROR_GUIDE } from '../../src/error-guide.ts';
import { ERROR_CODES } from '../../src/errors.ts';
import { ROOT } from '../setup/cli.ts';

const codes = Object.keys(ERROR_CODES);

test('the page of errors in the repository is the one that the lists of codes make', () => {
  expect(readFileSync(path.join(ROOT, 'docs/reference/errors.md'), 'utf8')).toBe(errorPage());
});

test('the page of errors has one section for each code', () => {
  expect([...errorPage().matchAll(/^## (.*)$/gm)].map(([, code]) => code)).toEqual(codes.toSorted());
});

test.each(codes)('%s has a meaning, a reason and an advice, and the latter two are whole sentences', (code) => {
  const guide: Readonly<Record<string, { why: string; fix: string }>> = ERROR_GUIDE;
  const meanings: Readonly<Record<string, string>> = ERROR_CODES;
  expect(meanings[code]).toMatch(/^[a-z].*[^.]$/);
  expect(guide[code]?.why).toMatch(/^[A-Z`].*[.?]$/);
  expect(guide[code]?.fix).toMatch(/^[A-Z`].*[.?]$/);
});
