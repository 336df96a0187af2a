/**
 * Checks the documentation: every relative link of a Markdown file leads to a file, and its anchor to a heading; every page
 * below docs/ that the code or another text names exists; every page is listed in docs/README.md.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { deadLinks, deadPages, linksOf } from './links.ts';

const root = path.resolve(import.meta.dirname, '..');
const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
const files = tracked
  .toString()
  .split('\0')
  .filter((file) => file !== '' && existsSync(path.join(root, file)));
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const documents = new Map(files.filter((file) => file.endsWith('.md')).map((file) => [file, read(file)]));
const sources = files.filter((file) => /\.(ts|js|ya?ml)$/.test(file) || path.basename(file) === 'Dockerfile');

const index = new Set(linksOf(documents.get('docs/README.md') ?? '').map(({ target }) => `docs/${target}`));
const problems = [
  ...[...documents].flatMap(([file, text]) => deadLinks(file, text, new Set(files), documents)),
  ...sources.flatMap((file) => deadPages(file, read(file), new Set(files))),
  ...[...documents.keys()]
    .filter((file) => file.startsWith('docs/') && file !== 'docs/README.md' && !index.has(file))
    .map((file) => `docs/README.md does not list ${file}: add a line for it`),
];
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
console.log(`Documentation: ${documents.size} Markdown files, no dead link`);
