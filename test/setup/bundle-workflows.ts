/** Writes the workflow bundle of the sources to a file. Usage: bundle-workflows.ts FILE. */
import { renameSync, writeFileSync } from 'node:fs';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { DATA_CONVERTER } from '../../src/worker/connection.ts';
import { WORKFLOWS } from '../../src/worker/create-worker.ts';

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: bundle-workflows.ts FILE');
const { code } = await bundleWorkflowCode({
  workflowsPath: WORKFLOWS,
  ...DATA_CONVERTER,
  logger: new DefaultLogger('WARN'),
});
// Whole or not at all: other processes wait for the file.
writeFileSync(`${file}.new`, code);
renameSync(`${file}.new`, file);
