import { explain } from '../../src/cli/explain.ts';
import { freePort } from '../../src/local/ports.ts';
import { inEnvironment, printedBy } from '../lineage/printed.ts';
import { SampleHome } from '../lineage/sample-home.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const root = temporaryFolder();

test('without a Temporal server a model is explained, and its decisions are reported as missing', async () => {
  const sample = new SampleHome(root);
  const { candidates } = sample.addReport('support/run', await sample.addVersion());
  const model = candidates.find(({ id }) => id === 'local-base-lr1-e4')?.model ?? '';
  const variables = { TUNELOOP_HOME: sample.home, TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}` };
  const printed = (json: boolean) => inEnvironment(variables, () => printedBy(() => explain(model, { json })));
  const [tree, json] = [await printed(false), JSON.parse(await printed(true))];
  expect(tree.split('\n')[0]).toBe(model);
  expect(tree).toContain('└─ decisions: NOT KNOWN: no Temporal server answers at');
  expect(json).toMatchObject({ model, run: 'support/run', decisions: { known: false }, dataset: { known: true } });
});
