/**
 * Compiles the packages and src/ to a dist/ each, and bundles the workflows, so that a worker in production starts without
 * a compiler.
 */
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import { compile, ROOT } from './compile.ts';

for (const folder of ['packages/app', 'packages/local-trainer', '.']) compile(folder);

const dist = path.join(ROOT, 'dist');
const { code } = await bundleWorkflowCode({
  workflowsPath: path.join(dist, 'workflows', 'index.js'),
  failureConverterPath: path.join(dist, 'worker', 'failure-converter.js'),
});
writeFileSync(path.join(dist, 'workflow-bundle.js'), code);
chmodSync(path.join(dist, 'client.js'), 0o755);
