import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** Bundles the compiled workflows of a `dist/` folder into one file in it, so that a worker starts without a bundler. */
export async function bundleWorkflows(dist: string): Promise<void> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: path.join(dist, 'workflows', 'index.js'),
    failureConverterPath: path.join(dist, 'worker', 'failure-converter.js'),
    logger: new DefaultLogger('WARN'),
  });
  writeFileSync(path.join(dist, 'workflow-bundle.js'), code);
}
