import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { decide } from '../../src/cli/deployments.ts';
import { type ErasedJson, forget } from '../../src/cli/forget.ts';
import type { RowPlaces } from '../../src/lineage/row-places.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { addressOf } from '../setup/stack-tools.ts';
import { inEnvironment, printedBy } from './printed.ts';

jest.setTimeout(240_000);

describe('after a run at the local trainer', () => {
  let stack: Stack;
  let pipelineFile: string;

  beforeAll(async () => {
    stack = await Stack.start();
    pipelineFile = stack.writePipeline('shop', shopRows(360), {
      candidates: { models: ['local-mini'], half_data: true },
      evaluation: { baseline: { live: 'local-base' } },
    });
    await (await stack.startRun(pipelineFile)).result();
  });
  afterAll(() => stack.stop());

  const commanded = <T>(command: () => Promise<number>): Promise<T> =>
    inEnvironment(
      { TUNELOOP_HOME: stack.home, TEMPORAL_ADDRESS: addressOf(stack), CHAOS_KEY: 'key-of-the-stack' },
      async () => JSON.parse(await printedBy(command)),
    );
  const list = (id: string) => commanded<RowPlaces>(() => forget(id, { json: true }));
  const erase = (id: string) => commanded<ErasedJson>(() => forget(id, { json: true, yes: true, atProvider: true }));
  /** Of row 42 it is `order 1042`, which stands in no other row. */
  const textOf = (id: string) => `order ${1000 + Number(id.slice('row-'.length))}`;
  /** All files of the home folder that hold a text: the trainer's and the database of the Temporal server too. */
  const filesWith = (text: string) =>
    readdirSync(stack.home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .filter((file) => {
        const bytes = readFileSync(file);
        return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).includes(text);
      });
  const idWith = async (kind: string) => {
    for (let row = 0; row < 360; row += 1) {
      const { places } = await list(`row-${row}`);
      if (places.some((place) => place.kind === kind)) return `row-${row}`;
    }
    throw new Error(`no row has a ${kind}`);
  };

  test('a row erased after a run is in no byte of the home, at the trainer or in a history, and comes back with no later run', async () => {
    await inEnvironment({ TUNELOOP_HOME: stack.home, TEMPORAL_ADDRESS: addressOf(stack) }, () =>
      printedBy(() => decide('reject', 'shop', { why: 'a row has to go', by: 'ana' })),
    );
    const rows = [await idWith('training-file'), await idWith('prediction')];
    for (const id of rows) {
      expect(filesWith(textOf(id)).length).toBeGreaterThan(3);
      const { erased, left, deleted, versions } = await erase(id);
      expect({ left, versions: versions.length }).toEqual({ left: [], versions: 1 });
      expect(erased.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['log', 'snapshot', 'examples', 'key']));
      expect(filesWith(textOf(id))).toEqual([]);
      expect(await list(id)).toMatchObject({ places: [], models: [], atProvider: [] });
      expect(await erase(id)).toMatchObject({ erased: [], deleted: [], versions: [] });
      if (id === rows[0]) expect(new Set(deleted.map(({ kind }) => kind))).toEqual(new Set(['file', 'model']));
    }
    const again = await (await stack.startRun(pipelineFile)).result();
    const { train, validation, test } = again.dataset;
    expect(train + validation + test).toBe(358);
    for (const id of rows) expect(filesWith(textOf(id))).toEqual([]);
  });
});
