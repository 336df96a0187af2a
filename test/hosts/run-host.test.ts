import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const PROGRAM = join(import.meta.dirname, 'run-host.ts');

test('a host runs as a process of its own, with its ledger and its faults over HTTP', async () => {
  const child = spawn(process.execPath, [PROGRAM, '--host', 'nebius'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = await once(createInterface(child.stdout), 'line');
    const { provider, env, origin } = JSON.parse(String(line));
    expect(provider).toMatchObject({ profile: 'nebius', baseURL: `${origin}/v1` });
    const headers = { authorization: `Bearer ${env[provider.apiKeyEnv]}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ rules: [{ on: 'models.list', effect: { kind: 'status', status: 503 } }] });
    await fetch(`${origin}/_faults`, { method: 'POST', headers, body });
    expect((await fetch(`${provider.baseURL}/models`, { headers })).status).toBe(503);
    const ledger = await (await fetch(`${origin}/_ledger`)).json();
    expect(ledger).toMatchObject({
      duplicates: 0,
      requests: [{ operation: 'models.list', status: 503, executed: false }],
    });
    expect(await (await fetch(`${origin}/_violations`)).json()).toEqual([]);
  } finally {
    child.kill();
  }
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('a host that nobody knows is refused with the names of the known ones', async () => {
  const refused = promisify(execFile)(process.execPath, [PROGRAM, '--host', 'nowhere']);
  await expect(refused).rejects.toMatchObject({ stderr: expect.stringContaining('nebius') });
});
