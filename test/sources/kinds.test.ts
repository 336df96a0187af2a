import { readFileSync } from 'node:fs';
import path from 'node:path';
import { SOURCE_KINDS } from '../../src/sources/kinds/index.ts';
import { ROOT } from '../setup/cli.ts';

const guide = readFileSync(path.join(ROOT, 'docs/guide/data.md'), 'utf8');

test.each(SOURCE_KINDS.map((kind) => [kind.type, kind] as const))(
  'the source %s has a line in the guide, and either files or a place where a person erases a row',
  (type, kind) => {
    expect(guide).toMatch(new RegExp(`^\\| \`${type}\` \\|`, 'm'));
    const choice = { type, urlEnv: 'LOG_URL', query: 'select 1', path: '/logs/*' };
    expect(kind.toErase(choice) === null).toBe('path' in kind.schema.shape);
  },
);

test('no two sources have the same type', () => {
  expect(new Set(SOURCE_KINDS.map(({ type }) => type)).size).toBe(SOURCE_KINDS.length);
});
