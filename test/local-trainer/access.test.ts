import OpenAI from 'openai';
import { accessRule } from '../../packages/local-trainer/src/access.ts';
import { startTrainer } from '../../packages/local-trainer/src/server.ts';
import { temporaryFolder, trainerWithClient } from './sample-data.ts';

const TOKEN = 'a-token-of-more-than-twenty-signs';

test('a trainer that other machines reach does not start without a token', async () => {
  const { dir, remove } = temporaryFolder();
  for (const address of ['0.0.0.0', '::', '192.0.2.1', 'gpu-box.example.com']) {
    await expect(startTrainer({ dir, address })).rejects.toMatchObject({ code: 'TOKEN_NEEDED' });
  }
  remove();
});

test('a token that is short or has a line break is refused', async () => {
  const { dir, remove } = temporaryFolder();
  for (const token of ['short', `${TOKEN}\nx`]) {
    await expect(startTrainer({ dir, token })).rejects.toMatchObject({ code: 'TOKEN_NEEDED' });
  }
  remove();
});

test('a trainer with a token answers only requests that bring it, whatever they ask for', async () => {
  const { trainer, remove } = await trainerWithClient({ token: TOKEN, faults: true });
  const client = (apiKey: string) => new OpenAI({ baseURL: trainer.baseURL, apiKey, maxRetries: 0 });
  try {
    expect((await client(TOKEN).models.list()).data.length).toBeGreaterThan(0);
    for (const wrong of ['wrong', `${TOKEN}x`, TOKEN.slice(0, -1)]) {
      await expect(client(wrong).models.list()).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
    }
    for (const path of ['/v1/models', '/v1/files', '/_ledger', '/nowhere']) {
      expect((await fetch(new URL(path, trainer.baseURL))).status).toBe(401);
    }
    const refused = await (await fetch(`${trainer.baseURL}/models`)).text();
    expect(refused).toContain('Authorization: Bearer');
    expect(refused).not.toContain(TOKEN);
  } finally {
    await remove();
  }
});

test('on the loopback interface web pages are refused, with the right token too', () => {
  const authorization = `Bearer ${TOKEN}`;
  const rule = accessRule({ token: TOKEN });
  expect(() => rule({ authorization, host: '127.0.0.1:8484' })).not.toThrow();
  expect(() => rule({ authorization, host: 'evil.example' })).toThrow(/only programs on its own machine/);
  expect(() => rule({ authorization, host: '127.0.0.1', origin: 'http://evil.example' })).toThrow();
});

test('beyond the loopback interface any name of the machine will do, and the token decides', () => {
  const rule = accessRule({ address: '0.0.0.0', token: TOKEN });
  expect(() => rule({ authorization: `Bearer ${TOKEN}`, host: 'gpu-box.example.com' })).not.toThrow();
  expect(() => rule({ host: '127.0.0.1' })).toThrow(/did not provide a token/);
  expect(() => rule({ authorization: 'Bearer wrong', host: '127.0.0.1' })).toThrow(/Incorrect token/);
});
