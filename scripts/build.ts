/**
 * Compiles the packages and src/ to a dist/ each, and bundles the workflows, so that a worker in production starts without
 * a compiler.
 */
import { chmodSync } from 'node:fs';
import path from 'node:path';
import { bundleWorkflows } from './bundle-workflows.ts';
import { compile, ROOT } from './compile.ts';

for (const folder of ['packages/app', 'packages/local-trainer', '.']) compile(folder);

const dist = path.join(ROOT, 'dist');
await bundleWorkflows(dist);
chmodSync(path.join(dist, 'client.js'), 0o755);
