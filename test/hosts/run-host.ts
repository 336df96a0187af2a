/** Plays a host as a process of its own: see `--help`. It prints one line of JSON when it answers, and ends on SIGTERM. */
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { HOST_NAMES, type HostName, startHost } from './start-host.ts';

function positive(text: string): number {
  const value = Number(text);
  if (!(value >= 0)) throw new InvalidArgumentError('give a number from 0');
  return value;
}

const { host, faults, prices, ...options } = new Command('run-host')
  .description(
    'Plays a host on 127.0.0.1. Prints { provider, env, origin } as JSON: the value of `provider` in a pipeline file, the ' +
      'environment of its users, and where /_ledger, /_violations, /_faults and /_leases/<name> are.',
  )
  .addOption(new Option('--host <name>', 'the host').choices(HOST_NAMES).makeOptionMandatory())
  .option('--port <n>', 'any free one by default', positive)
  .option('--job-seconds <n>', 'stretches each job to about this time', positive)
  .option('--lease-ready-ms <n>', 'how long a lease takes until it is ready', positive)
  .option('--model-late-ms <n>', 'how long the model of a job that has succeeded is missing', positive)
  .option('--list-lag-ms <n>', 'how long a new job is missing from the list', positive)
  .option('--clock-factor <n>', 'the hours of a lease pass this many times as fast', positive)
  .option('--prices <file>', 'JSON with the prices of base models by name; the list of the product by default')
  .option('--faults <file>', 'JSON with { seed, rules }')
  .parse()
  .opts<{ host: HostName; faults?: string; prices?: string } & Record<string, number>>();

const running = await startHost(host, {
  ...options,
  ...(prices === undefined ? {} : { prices: JSON.parse(readFileSync(prices, 'utf8')) }),
});
if (faults !== undefined) running.host.faults.read(JSON.parse(readFileSync(faults, 'utf8')));
process.stdout.write(
  `${JSON.stringify({ provider: running.provider, env: running.env, origin: running.host.origin })}\n`,
);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    running.close().then(() => process.exit(0));
  });
}
