import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DeployedModel } from '../../src/core/deployment/deployed-model.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { sampleManifest } from '../data/rows/sample-manifest.ts';
import { ActivityBench } from '../setup/activity-bench.ts';

let models: { id: string; shutdown_date?: string }[] = [];
const server = createServer((_, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ object: 'list', data: models }));
});
let bench: ActivityBench;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  bench = await ActivityBench.start({ baseURL: `http://127.0.0.1:${port}/v1` });
});
afterAll(async () => {
  server.close();
  await bench.stop();
});

async function inspect(offered: typeof models, changes: Partial<DeployedModel> = {}) {
  models = offered;
  const { artifacts, definition } = bench;
  const manifest = await writeJson(artifacts, sampleManifest({ tokens: { treated: {}, prompt: 60, completion: 1 } }));
  const champion: DeployedModel = {
    model: 'ft:local-nano:1',
    baseModel: 'local-nano',
    treatment: 'strip',
    run: 'shop/1',
    candidate: 'local-nano-lr1-e1',
    definition,
    datasetVersion: 'shop@1',
    manifest,
    judged: null,
    ...changes,
  };
  return bench.run('inspectChampion', { definition, champion, manifest, rows: 90 });
}

test('a champion ends with its own date or that of the model under it, whichever comes first', async () => {
  const ends = (own: string | null, base: string | null) =>
    inspect([
      { id: 'ft:local-nano:1', ...(own ? { shutdown_date: own } : {}) },
      { id: 'local-nano', ...(base ? { shutdown_date: base } : {}) },
      { id: 'local-mini', shutdown_date: '2026-01-01' },
    ]);
  expect(await ends(null, null)).toMatchObject({ listed: true, shutdownDate: null });
  expect(await ends('2027-03-01', '2027-02-01')).toMatchObject({ shutdownDate: '2027-02-01T00:00:00.000Z' });
  expect(await ends('2027-01-06', '2027-02-01')).toMatchObject({ shutdownDate: '2027-01-06T00:00:00.000Z' });
});

test('an invalid date is no reason to fail', async () => {
  expect(await inspect([{ id: 'local-nano', shutdown_date: 'soon' }])).toMatchObject({ shutdownDate: null });
});

test('a champion that the provider has forgotten is not listed', async () => {
  expect(await inspect([{ id: 'local-nano' }])).toMatchObject({ listed: false });
});

test('a champion with a serving lease need not be listed', async () => {
  const lease = { name: 'tl-1', callAs: 'tl-1', usdPerHour: 8 };
  expect(await inspect([{ id: 'local-nano' }], { lease })).toMatchObject({ listed: true });
});
