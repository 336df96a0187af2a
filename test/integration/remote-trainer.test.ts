import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { RunJson } from '../../src/client/runs.ts';
import { connectProvider } from '../../src/providers/connect.ts';
import { Cli, cli, lastJson, temporaryHome, until } from '../setup/cli.ts';
import { shopRows, writePipeline } from '../setup/shop-log.ts';

const TOKEN = 'a-token-of-more-than-twenty-signs';
const VARIABLE = 'BOX_TOKEN';
const { home, remove } = temporaryHome();
let trainer: Cli;
let url: string;

beforeAll(async () => {
  const args = ['trainer', '--address', '127.0.0.1', '--port', '0', '--dir', path.join(home, 'box'), '--json'];
  trainer = new Cli(path.join(home, 'box-home'), args, { TUNELOOP_TRAINER_TOKEN: TOKEN });
  await until(() => trainer.stdout.includes('baseURL'), 'the trainer');
  url = new URL(JSON.parse(trainer.stdout).baseURL).origin;
});
afterAll(async () => {
  trainer.child.kill('SIGTERM');
  await trainer.ended;
  remove();
});

function pipelineFor(name: string, settings: object = {}): string {
  const provider = { trainer: url, apiKeyEnv: VARIABLE, machine_usd_per_hour: 36, ...settings };
  return writePipeline(path.join(home, name), shopRows(60), { name, provider });
}

test('a run trains and evaluates at a trainer of another process, at the stated price of an hour', async () => {
  const file = pipelineFor('remote');
  const planned = await cli(home, ['plan', file], { [VARIABLE]: TOKEN });
  expect(planned.stdout + planned.stderr).toMatch(/machine time at \$36(\.00)? an hour/);
  const ended = await cli(home, ['demo', '--pipeline', file, '--json'], { [VARIABLE]: TOKEN });
  const run = lastJson<RunJson>(ended);
  expect(run.status).toBe('completed');
  expect(run.candidates?.every(({ trainingUsd }) => (trainingUsd ?? 0) > 0)).toBe(true);
  expect(ended.stderr).not.toMatch(/Local trainer at/);
  expect(ended.stdout + ended.stderr + trainer.stderr).not.toContain(TOKEN);
  const predicted = await cli(home, ['predict', run.runId, 'Where is my invoice?', '--json'], { [VARIABLE]: TOKEN });
  expect(predicted.stdout + predicted.stderr).not.toContain(TOKEN);
});

test('a run with a wrong token ends and names the refusal, never the token', async () => {
  const file = pipelineFor('wrong');
  const wrong = 'another-token-of-twenty-signs';
  const { code, stdout, stderr } = await cli(home, ['demo', '--pipeline', file], { [VARIABLE]: wrong });
  expect(code).not.toBe(0);
  expect(stdout + stderr).toMatch(/Incorrect token|refused/);
  expect(stdout + stderr).not.toContain(wrong);
});

test('a missing token is named by its variable before anything is sent', () => {
  expect(() => connectProvider({ trainer: url, apiKeyEnv: 'NOT_SET' })).toThrow(/NOT_SET is not set/);
});

test('a trainer on another machine needs TLS and a token, and no second address', async () => {
  const problems = async (name: string, provider: object) => {
    const file = writePipeline(path.join(home, name), shopRows(60), { name, provider });
    return (await cli(home, ['plan', file])).stderr;
  };
  expect(await problems('plain', { trainer: 'http://box.example.com', apiKeyEnv: VARIABLE })).toMatch(/https:/);
  expect(await problems('open', { trainer: 'https://box.example.com' })).toMatch(
    /provider\.apiKeyEnv is missing: .*token/,
  );
  const two = { trainer: 'https://box.example.com', apiKeyEnv: VARIABLE, baseURL: 'https://x.example.com/v1' };
  expect(await problems('two', two)).toMatch(/provider\.baseURL does not go with provider\.trainer/);
  const priced = { profile: 'openai', machine_usd_per_hour: 1 };
  expect(await problems('priced', priced)).toMatch(/machine_usd_per_hour is the price of a machine/);
});

test('doctor says whether the trainer takes the token', async () => {
  const at = (token: Record<string, string>) => cli(home, ['doctor'], { TUNELOOP_TRAINER_URL: `${url}/v1`, ...token });
  expect((await at({ TUNELOOP_TRAINER_TOKEN: TOKEN })).stdout).toMatch(/ok +local trainer/);
  expect((await at({ TUNELOOP_TRAINER_TOKEN: `${TOKEN}x` })).stdout).toMatch(
    /absent +local trainer .* refuses the token/,
  );
  expect((await at({})).stdout).toMatch(/absent +local trainer .* refuses requests without a token/);
});

test('a redirect of the trainer is not followed, so that no other server gets the token', async () => {
  const asked: (string | undefined)[] = [];
  const listen = (server: Server) =>
    new Promise<string>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
    });
  const other = createServer((request, response) => {
    asked.push(request.headers.authorization);
    response.end('{"object":"list","data":[]}');
  });
  const target = await listen(other);
  const first = createServer((request, response) => {
    response.writeHead(307, { location: `${target}${request.url}` }).end();
  });
  process.env[VARIABLE] = TOKEN;
  try {
    const provider = connectProvider({ trainer: await listen(first), apiKeyEnv: VARIABLE });
    await expect(provider.training.listPendingJobs()).rejects.toThrow();
    expect(asked).toEqual([]);
  } finally {
    delete process.env[VARIABLE];
    first.close();
    other.close();
  }
});
