import { readFileSync } from 'node:fs';
import { type Client, Connection } from '@temporalio/client';
import type { FineTuningJob } from 'openai/resources/fine-tuning/jobs/jobs';
import type { LedgerEntry, RequestEntry } from '../../packages/local-trainer/src/faults/ledger.ts';
import { Cli, cli, type Ended, until } from './cli.ts';
import type { Stack } from './stack.ts';

/** The variable in which workers of a stack find the provider's key. */
const KEY = { CHAOS_KEY: 'key-of-the-stack' };

/** `host:port` of the Temporal server of a stack. */
export function addressOf({ client }: { client: Client }): string {
  const { connection } = client;
  if (!(connection instanceof Connection)) throw new Error('the client of the stack has another connection');
  return connection.options.address;
}

/** Another worker on the queue of a stack; resolves when it takes work. */
export async function startAnotherWorker(stack: Stack, env: Record<string, string> = {}): Promise<Cli> {
  const variables = {
    TEMPORAL_ADDRESS: addressOf(stack),
    TUNELOOP_PRICES: stack.environment.pricesFile ?? '',
    ...KEY,
    ...env,
  };
  const worker = new Cli(stack.home, [], variables, 'src/worker.ts');
  const ended = () => worker.child.exitCode !== null;
  await until(() => worker.stdout.includes('"worker ready"') || ended(), 'a worker that is ready');
  if (ended()) throw new Error(`the worker did not start: ${worker.stdout}${worker.stderr}`);
  return worker;
}

/** A command of the project, run against a stack. */
export function command(stack: Stack, ...args: string[]): Promise<Ended> {
  return cli(stack.home, args, { TEMPORAL_ADDRESS: addressOf(stack) });
}

/** The provider of a pipeline file that a stack wrote. */
export function providerOf(pipelineFile: string): { baseURL: string; apiKeyEnv: string; settling_seconds: number } {
  return JSON.parse(readFileSync(pipelineFile, 'utf8')).provider;
}

/** All jobs of a run at the provider, in any state. */
export async function jobsOf(stack: Stack, runId: string): Promise<FineTuningJob[]> {
  return (await stack.jobs()).filter(({ metadata }) => metadata?.tuneloop_job?.startsWith(`${runId}/`));
}

export function statuses(jobs: readonly FineTuningJob[]): string[] {
  return jobs.map(({ status }) => status).sort();
}

/** The requests to one endpoint that the trainer has executed, whatever its client received. */
export function executed(entries: readonly LedgerEntry[], endpoint: RequestEntry['endpoint']): RequestEntry[] {
  return entries.filter(
    (entry): entry is RequestEntry => entry.kind === 'request' && entry.executed && entry.endpoint === endpoint,
  );
}
