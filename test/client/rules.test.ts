import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../setup/cli.ts';

const FOLDER = path.join(ROOT, 'src', 'client');
const FILES = readdirSync(FOLDER);

/** Actions that a library leaves to its program. */
const FORBIDDEN: [string, RegExp][] = [
  ['import from the command line', /from '\.\.\/cli\//],
  ['write to standard output or standard error', /process\.(stdout|stderr)|^[^*\n]*console\./m],
  ['read arguments', /process\.argv/],
  ['read the environment past config/environment.ts', /process\.env/],
  ['set an exit code', /process\.exit/],
  ['take signals of the process', /process\.(on|once)\(/],
];

test.each(FORBIDDEN)('no file of the library may %s', (_what, pattern) => {
  expect(FILES.length).toBeGreaterThan(5);
  expect(FILES.filter((file) => pattern.test(readFileSync(path.join(FOLDER, file), 'utf8')))).toEqual([]);
});
