import type { ProviderDescription } from '../../src/client/providers.ts';
import { cli, lastJson } from '../setup/cli.ts';

/** No home, no server: nothing is read but tables. */
const providers = (...args: string[]) => cli('/nowhere', ['providers', ...args], { TEMPORAL_ADDRESS: '127.0.0.1:1' });

test('tuneloop providers lists all of them without a key, a server and a network', async () => {
  const { stdout, code } = await providers();
  expect(code).toBe(0);
  expect(stdout).toMatch(/^fireworks +absolute +a file +none +unknown +leased +\d{4}-/m);
  expect(stdout).toMatch(/^nebius +absolute .* elsewhere /m);
  expect(stdout).toContain('Nobody was asked.');
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

test('tuneloop providers NAME shows prices with date and source, rules, serving and options of one', async () => {
  const { stdout } = await providers('crusoe');
  expect(stdout).toMatch(/^gpt-oss-120b +\$6\.00 +unknown +\$0\.0500 \/ \$0\.200/m);
  expect(stdout).toMatch(/^Prices of \d{4}-\d{2}-\d{2}: https:\/\/www\.crusoe\.ai\/cloud\/pricing/m);
  expect(stdout).toContain('learning rate: absolute or a multiplier; a multiplier of 1 stands for 0.0001');
  expect(stdout).toContain('a stopped job pays: unknown, so its whole reservation counts as spent');
  expect(stdout).toContain('With serving: deployment');
  // The shared machines have no price by the hour: the column is left out there.
  expect(stdout).toMatch(/^base model +training per 1M +tuned in \/ out +base in \/ out$/m);
  expect(stdout).toMatch(/^ {2}project: id of the project that the key is bound to; required$/m);
});

test('tuneloop providers NAME --json prints one provider, and tuneloop providers --json all', async () => {
  expect(lastJson<ProviderDescription>(await providers('together', '--json'))).toMatchObject({
    name: 'together',
    jobs: { learningRate: { takes: 'rate', base: 1e-4 }, cancelledPays: 'trained' },
  });
  expect(lastJson<ProviderDescription[]>(await providers('--json')).map(({ name }) => name)).toContain('together');
});

test('the help of tuneloop providers shows an example', async () => {
  expect((await providers('--help')).stdout).toContain('tuneloop providers fireworks');
});
