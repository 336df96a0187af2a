/**
 * Bundles the workflows and checks the content of the bundle: the rooms that may run inside a workflow, the SDK's own packages, and nothing
 * else. Everything in the bundle is parsed again for each workflow's sandbox, so its size counts.
 */
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { DATA_CONVERTER } from '../src/worker/connection.ts';
import { WORKFLOWS } from '../src/worker/create-worker.ts';
import { ROOMS } from './rooms.ts';

/** Workflows, and what they may import. */
const BUNDLED = new Set(['workflows', ...(ROOMS.find(({ name }) => name === 'workflows')?.imports ?? [])]);
/** What the failure converter is made of: it is loaded beside the workflows. */
const FILES = new Set(['./src/worker/failure-converter.ts', './src/core/text/redaction.ts']);
/** Of our other packages, what is as pure as `core`. */
const SHARED = new Set(['./packages/app/src/shared/random.ts']);
const PACKAGES = /^(@temporalio\/|nexus-rpc$|long$|ms$|protobufjs$)/;
/** Of these the SDK has 1.9 million. */
const LARGEST_BYTES = 2_700_000;

const { code } = await bundleWorkflowCode({
  workflowsPath: WORKFLOWS,
  ...DATA_CONVERTER,
  logger: new DefaultLogger('WARN'),
});

const problems: string[] = [];
const modules = new Set([...code.matchAll(/^\/\*\*\*\/ "(\.\/[^"!]+)"/gm)].map(([, name = '']) => name));
for (const name of modules) {
  const [, top, ...rest] = name.split('/');
  if (top === 'src' && !BUNDLED.has(rest[0] ?? '') && !FILES.has(name)) {
    problems.push(`${name}: this room does not belong into workflows`);
  }
  if (top === 'packages' && !SHARED.has(name)) problems.push(`${name}: this package does not belong into workflows`);
  const packageName = rest[0]?.startsWith('@') ? `${rest[0]}/${rest[1]}` : (rest[0] ?? '');
  if (top === 'node_modules' && !PACKAGES.test(packageName)) problems.push(`${name}: only types of it may be imported`);
}
if (modules.size === 0) problems.push('no module was found in the bundle: has its form changed?');
for (const name of FILES)
  if (!modules.has(name)) problems.push(`${name}: the bundle has no failure converter without it`);
if (code.length > LARGEST_BYTES) problems.push(`the bundle has ${code.length} bytes, more than ${LARGEST_BYTES}`);

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
console.log(`Workflow bundle: ${modules.size} modules, ${code.length} bytes`);
