import path from 'node:path';
import fc from 'fast-check';
import { fileName } from '../../packages/app/src/shared/file-name.ts';
import { runFolder } from '../../src/stores/run-folder.ts';
import { anyText } from './any-text.ts';

const home = path.resolve('/home/me/.tuneloop');

const hostile = fc.oneof(
  anyText(300),
  fc
    .array(fc.constantFrom('.', '..', '/', '\\', ':', '\0', '~', 'C:', '%2e', 'a', '-', ' ', '\n', 'é', '\ud83d'), {
      maxLength: 200,
    })
    .map((parts) => parts.join('')),
);

test('F50 a file name can never leave its folder', () => {
  fc.assert(
    fc.property(hostile, (part) => {
      const name = fileName(part);
      expect(name).toMatch(/^[A-Za-z0-9_.-]{1,121}$/);
      expect(path.dirname(path.join(home, name))).toBe(home);
      expect(path.basename(path.join(home, name))).toBe(name);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ['', '_'],
  ['.', '_.'],
  ['..', '_..'],
  ['...', '_...'],
  ['../x', '.._x'],
  ['a\\b:c', 'a_b_c'],
  ['job-1.report_2', 'job-1.report_2'],
])('the part %j becomes the file name %j', (part, name) => {
  expect(fileName(part)).toBe(name);
});

test('F50 the folder of a run is inside runs, whatever the id of its workflow', () => {
  fc.assert(
    fc.property(hostile, (runId) => {
      const runs = path.join(home, 'runs');
      const inside = path.relative(runs, runFolder(home, runId));
      expect(inside).not.toBe('');
      expect(inside.split(path.sep)).not.toContain('..');
      expect(path.isAbsolute(inside)).toBe(false);
    }),
    { numRuns: 1000 },
  );
});

test('the parts of a run id are folders', () => {
  expect(runFolder(home, 'support-triage/20261101-7f3a')).toBe(
    path.join(home, 'runs', 'support-triage', '20261101-7f3a'),
  );
});
