import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { ROOT } from '../setup/cli.ts';

const MINIMUM = path.join(ROOT, 'bin', 'minimum-node.js');

/** Runs a program in a child that takes itself for another version of Node. */
function runAsNode(version: string, args: string[]) {
  const change = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const preload = `data:text/javascript,${encodeURIComponent(change)}`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', preload, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe.each(['tuneloop', 'tuneloop-worker'])('%s', (name) => {
  test.each(['18.20.8', '20.19.0', '22.9.0', '22.17.1'])('on Node %s says which Node it needs, in one line', (node) => {
    expect(runAsNode(node, [path.join(ROOT, 'bin', `${name}.js`), '--version'])).toEqual({
      status: 2,
      stdout: '',
      stderr: `${name} needs Node 22.18 or newer; this is Node ${node}.\n`,
    });
  });
});

test.each(['22.18.0', '22.23.3', '23.0.0', '24.1.0'])('a program starts on Node %s', (node) => {
  const program = `
    import { startWithMinimumNode } from '${pathToFileURL(MINIMUM)}';
    startWithMinimumNode('program', async () => console.log('started'));`;
  expect(runAsNode(node, ['--input-type=module', '-e', program])).toEqual({
    status: 0,
    stdout: 'started\n',
    stderr: '',
  });
});

test.each(['.', 'packages/app', 'packages/local-trainer'])('the package in %s asks npm for the same Node', (folder) => {
  const manifest: unknown = JSON.parse(readFileSync(path.join(ROOT, folder, 'package.json'), 'utf8'));
  expect(z.object({ engines: z.object({ node: z.string() }) }).parse(manifest).engines.node).toBe('>=22.18');
});

test('programs and what checks the version import nothing before the check', () => {
  for (const file of ['minimum-node.js', 'tuneloop.js', 'tuneloop-worker.js']) {
    const imports = [...readFileSync(path.join(ROOT, 'bin', file), 'utf8').matchAll(/^import .* from '(.+)'/gm)];
    expect(imports.map(([, name]) => name)).toEqual(file === 'minimum-node.js' ? [] : ['./minimum-node.js']);
  }
});
