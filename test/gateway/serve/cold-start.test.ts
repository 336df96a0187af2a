import { waitForLeases } from '../../../src/gateway/serve/cold-start.ts';
import { type GatewaySetup, gatewaySetup, sampleAlias } from './setup.ts';

let setup: GatewaySetup;
beforeEach(async () => {
  setup = await gatewaySetup();
});
afterEach(() => setup.remove());

async function said(signal = new AbortController().signal): Promise<string[]> {
  const lines: string[] = [];
  const trainerUrl = setup.upstream.baseURL;
  await waitForLeases({ home: setup.home, trainerUrl, say: (line) => lines.push(line), signal, everyMs: 5 });
  return lines;
}
const leased = () => {
  const { champion } = sampleAlias();
  if (!champion) throw new Error('the sample has a champion');
  return setup.deploy({ champion: { ...champion, callAs: 'tl-1' } });
};
const answers = () => ({ body: { choices: [{ message: { content: 'x' }, finish_reason: 'stop' }] } });

test('a champion that is called by its own name is not waited for', async () => {
  await setup.deploy();
  expect(await said()).toEqual([]);
  expect(setup.asked()).toEqual([]);
});

test('a lease that answers at once is not spoken of', async () => {
  await leased();
  setup.upstream.answer = answers;
  expect(await said()).toEqual([]);
  expect(setup.asked()).toMatchObject([{ model: 'tl-1' }]);
});

test.each([404, 503])('a lease that answers %i starts: the wait says so, and ends with its answer', async (status) => {
  await leased();
  let left = 2;
  setup.upstream.answer = () => {
    left -= 1;
    return left >= 0 ? { status, body: { error: { message: 'starting' } } } : answers();
  };
  const [first, second, ...others] = await said();
  expect(first).toMatch(/its serving lease starts; the original prompt answers until then/);
  expect(second).toMatch(/its serving lease answers, after \d+ s/);
  expect(others).toEqual([]);
});

test('a champion that refuses is named once, and not waited for', async () => {
  await leased();
  setup.upstream.answer = () => ({ status: 401, body: { error: { message: 'wrong key' } } });
  const lines = await said();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/its champion does not answer: .*401/);
});

test('the wait ends when the gateway is told to stop', async () => {
  await leased();
  setup.upstream.answer = () => ({ status: 503, body: { error: { message: 'starting' } } });
  expect(await said(AbortSignal.timeout(100))).toHaveLength(1);
});
