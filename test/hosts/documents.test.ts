import { providerAt } from '../providers/provider-at.ts';
import { OPENAI_FRONT } from './fronts/openai.ts';
import { Host } from './host.ts';
import { type Played, play } from './playing.ts';
import { hasSpecs, NO_SPECS } from './schemas.ts';
import { jobRequest } from './tuned-model.ts';

const withSpecs = hasSpecs ? test : test.skip;
if (!hasSpecs) console.warn(NO_SPECS);

const HEADERS = { authorization: 'Bearer test-key', 'content-type': 'application/json' };

let played: Played | undefined;
afterEach(async () => {
  await played?.close();
  played = undefined;
});

/** Asks a host for a job. */
async function post({ host }: Played, body: object): Promise<{ status: number; body: unknown }> {
  const url = `${host.origin}/v1/fine_tuning/jobs`;
  const response = await fetch(url, { method: 'POST', headers: HEADERS, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

withSpecs('a request that the document of the host does not allow is refused and taken down', async () => {
  played = await play('openai');
  const { status } = await post(played, { model: 'gpt-4.1-nano', training_file: 7 });
  expect(status).toBe(400);
  expect(played.violations()).toMatchObject([{ what: 'request', problems: ['/training_file must be string'] }]);
  expect((await played.ledger()).jobs).toEqual([]);
});

withSpecs('Nebius refuses a request with 422 and the field that is wrong', async () => {
  played = await play('nebius');
  const request = { model: 'm', training_file: 'f', hyperparameters: { n_epochs: 21 } };
  expect(await post(played, request)).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ['body', 'hyperparameters', 'n_epochs'] }] },
  });
});

test('Nebius refuses method and hyperparameters together', async () => {
  played = await play('nebius');
  const method = { type: 'supervised', supervised: { hyperparameters: { lora: true } } };
  const request = { model: 'm', training_file: 'f', method, hyperparameters: { lora: true } };
  expect(await post(played, request)).toMatchObject({
    status: 400,
    body: { detail: expect.stringContaining('together') },
  });
});

withSpecs('an answer that the document of the host does not allow is taken down', async () => {
  const wrong = () => ({ body: { object: 'list', data: [{ id: 1 }] } });
  const routes = OPENAI_FRONT.routes.map((route) =>
    route.operation === 'files.list' ? { ...route, handle: wrong } : route,
  );
  const host = await Host.start({ ...OPENAI_FRONT, routes });
  await fetch(`${host.origin}/v1/files`, { headers: HEADERS });
  await host.close();
  expect(host.violations()).toMatchObject([{ what: 'answer', path: '/v1/files' }]);
});

withSpecs('a field that no document has is taken down', async () => {
  played = await play('openai');
  const method = { type: 'supervised', supervised: { epochs: 2 } };
  await post(played, { model: 'gpt-4.1-nano', training_file: 'f', method });
  expect(played.violations()).toMatchObject([
    { what: 'meaning', problems: ['/method/supervised/epochs is not in the document'] },
  ]);
});

test('a job in the words of OpenAI trains all weights at Nebius, at a rate that nobody asked for', async () => {
  played = await play('nebius');
  const stranger = providerAt(`${played.host.origin}/v1`, { apiKey: 'test-key' });
  await stranger.training.createJob(await jobRequest(stranger.training, played.baseModelId));
  const problems = played.violations().flatMap((each) => each.problems);
  expect(problems).toContain('learning_rate_multiplier is passed over');
  expect(problems).toContain('without lora, all weights are trained');
});
