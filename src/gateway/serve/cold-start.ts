import { setTimeout as delay } from 'node:timers/promises';
import { connectProvider } from '../../providers/connect.ts';
import { ProviderError } from '../../providers/provider-error.ts';
import { Deployments } from './deployments.ts';

export interface ColdStartOptions {
  /** Folder of the deployments' aliases. */
  home: string;
  trainerUrl: string;
  /** Is told which deployment waits for its serving lease, and when it answers. */
  say: (line: string) => void;
  /** Ends the wait. */
  signal: AbortSignal;
  /** The time between two questions, in milliseconds. */
  everyMs?: number;
}

const EVERY_MS = 10_000;

/**
 * Asks the champion of each deployment that is called through a serving lease until it answers, and says so: a machine that has just been
 * leased takes minutes. Meanwhile the original prompt answers. It ends when all have answered.
 */
export async function waitForLeases({ home, everyMs = EVERY_MS, ...options }: ColdStartOptions): Promise<void> {
  const deployments = new Deployments(home, () => {});
  try {
    const aliases = await deployments.list();
    await Promise.all(
      aliases.map(async ({ pipeline, champion, provider }) => {
        if (champion?.callAs === undefined) return;
        const { inference } = connectProvider(champion.provider ?? provider, options.trainerUrl);
        const { model, callAs } = champion;
        await waitFor(pipeline, everyMs, options, () =>
          inference.complete({ model, callAs, messages: [{ role: 'user', content: 'ping' }], maxOutputTokens: 1 }),
        );
      }),
    );
  } finally {
    await deployments.close();
  }
}

async function waitFor(
  pipeline: string,
  everyMs: number,
  { say, signal }: Pick<ColdStartOptions, 'say' | 'signal'>,
  ask: () => Promise<unknown>,
): Promise<void> {
  const start = performance.now();
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    try {
      await ask();
      const seconds = Math.round((performance.now() - start) / 1000);
      if (attempt > 1) say(`${pipeline}: its serving lease answers, after ${seconds} s.`);
      return;
    } catch (error) {
      // A wrong key or an unknown deployment shows in every call, and does not pass by waiting.
      const isStarting = error instanceof ProviderError && (error.retryable || error.status === 404);
      if (!isStarting) {
        say(`${pipeline}: its champion does not answer: ${error instanceof Error ? error.message : error}`);
        return;
      }
      if (attempt === 1) say(`${pipeline}: its serving lease starts; the original prompt answers until then.`);
    }
    await delay(everyMs, undefined, { signal }).catch(() => {});
  }
}
