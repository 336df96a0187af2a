/** Compiles src/ to dist/ and bundles the workflows, so that a worker in production starts without a compiler. */
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';

const root = path.join(import.meta.dirname, '..');
const dist = path.join(root, 'dist');
rmSync(dist, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [path.join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
const { code } = await bundleWorkflowCode({
  workflowsPath: path.join(dist, 'workflows', 'index.js'),
  failureConverterPath: path.join(dist, 'temporal', 'failure-converter.js'),
});
writeFileSync(path.join(dist, 'workflow-bundle.js'), code);
chmodSync(path.join(dist, 'client.js'), 0o755);
