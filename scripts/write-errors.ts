/** Writes docs/reference/errors.md from the lists of error codes; with --check it only says whether the page is up to date. */
import { readFileSync, writeFileSync } from 'node:fs';
import { errorPage } from './error-page.ts';

const file = new URL('../docs/reference/errors.md', import.meta.url);
const page = errorPage();
if (!process.argv.includes('--check')) {
  writeFileSync(file, page);
} else if (readFileSync(file, 'utf8') !== page) {
  console.error('docs/reference/errors.md is not what the lists of error codes say: run npm run errors');
  process.exit(1);
}
