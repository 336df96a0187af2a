import { BASE, DEPLOYMENT, MODEL } from './answers.ts';
import { type FireworksHost, fireworksHost, providerError } from './host.ts';

let host: FireworksHost;
beforeEach(async () => {
  host = await fireworksHost();
});
afterEach(() => host.close());

describe('the models of Fireworks', () => {
  test('models of the library and of the account are listed, with the day on which one ends', async () => {
    host.routes['GET models'] = {
      body: { models: [{ name: MODEL, state: 'READY', deprecationDate: { year: 2027, month: 0, day: 0 } }] },
    };
    host.routes['GET /v1/accounts/fireworks/models'] = {
      body: { models: [{ name: BASE, deprecationDate: { year: 2027, month: 3, day: 31 } }] },
    };
    expect(await host.provider.inference.listModels()).toEqual([
      { id: BASE, shutdownDate: new Date('2027-03-31') },
      { id: MODEL, shutdownDate: null },
    ]);
  });

  test('a deployment that starts from zero is asked again later', async () => {
    const message = 'the deployment is currently scaled to zero and is scaling up';
    host.routes['POST /inference/v1/chat/completions'] = {
      status: 503,
      body: { error: { code: 'DEPLOYMENT_SCALING_UP', message } },
    };
    const question = { model: MODEL, callAs: `${MODEL}#${DEPLOYMENT}`, maxOutputTokens: 5 };
    const work = host.provider.inference.complete({ ...question, messages: [{ role: 'user', content: 'hello' }] });
    expect(await providerError(work)).toMatchObject({ retryable: true, status: 503 });
    expect(host.sent('POST /inference/v1/chat/completions')[0]?.body).toMatchObject({
      model: `${MODEL}#${DEPLOYMENT}`,
      max_tokens: 5,
      temperature: 0,
    });
  });
});
