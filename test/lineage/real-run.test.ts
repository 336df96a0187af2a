import { decide } from '../../src/cli/deployments.ts';
import { explain } from '../../src/cli/explain.ts';
import { forget } from '../../src/cli/forget.ts';
import type { Lineage } from '../../src/lineage/model-lineage.ts';
import type { RowPlaces } from '../../src/lineage/row-places.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { inEnvironment, printedBy } from './printed.ts';

jest.setTimeout(180_000);

describe('a model of a real run', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.start();
  });
  afterAll(() => stack.stop());

  test('x', async () => {
    const file = stack.writePipeline('shop', shopRows(360), {
      candidates: { models: ['local-mini'], half_data: true },
      evaluation: { baseline: { live: 'local-base' } },
      promotion: { canary: { stages: [] } },
    });
    const handle = await stack.startRun(file);
    const result = await handle.result();
    const model = result.winnerModel ?? '';
    const address = String((stack.client.connection as unknown as { options: { address: string } }).options.address);
    const inStack = <T>(work: () => Promise<T>) =>
      inEnvironment({ TUNELOOP_HOME: stack.home, TEMPORAL_ADDRESS: address }, work);
    await inStack(() => printedBy(() => decide('approve', 'shop', { why: 'good', by: 'ana' })));
    console.log(await inStack(() => printedBy(() => explain(model, {}))));
    console.log(await inStack(() => printedBy(() => explain('shop', { json: true, verify: true }))));
    for (const id of ['row-0', 'row-1', 'row-7', 'row-9'])
      console.log(await inStack(() => printedBy(() => forget(id, {}))));
  });
});
