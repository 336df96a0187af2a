import { setTimeout as delay } from 'node:timers/promises';
import { connectProvider } from '../../src/providers/connect.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { Engine } from './engine.ts';
import type { HostOptions } from './host.ts';
import { type HostName, type RunningHost, startHost } from './start-host.ts';

/** A host with the product's own client of it. */
export interface Played extends RunningHost {
  /** The client. */
  connected: Provider;
  /** Its name in pipeline files, and the host's id of it. */
  baseModel: string;
  baseModelId: string;
}

/**
 * The trainer behind all hosts of a test file. Most tests play a host of their own; a trainer of its own for each would have to start its
 * threads each time. A host whose jobs are stretched has one of its own all the same.
 */
let shared: Promise<Engine> | undefined;
afterAll(async () => (await shared)?.close());

async function engineFor({ jobSeconds }: Partial<HostOptions>): Promise<Engine | undefined> {
  if (jobSeconds !== undefined) return undefined;
  shared ??= Engine.start(undefined);
  return shared;
}

/** @param settings options of the provider beside those that it needs */
export async function play(
  name: HostName,
  options: Partial<HostOptions> = {},
  settings: Record<string, unknown> = {},
): Promise<Played> {
  const running = await startHost(name, { ...options, engine: await engineFor(options) });
  Object.assign(process.env, running.env);
  const { provider } = running;
  const connected = connectProvider({ ...provider, options: { ...provider.options, ...settings } });
  const [base] = running.host.models.bases;
  return { ...running, connected, baseModel: base?.baseName ?? '', baseModelId: base?.id ?? '' };
}

/** As {@link play}; when it is closed, it has to have seen only requests and answers that are documented. */
export async function playStrictly(...of: Parameters<typeof play>): Promise<Played> {
  const played = await play(...of);
  const close = async () => {
    await played.close();
    expect(played.violations()).toEqual([]);
  };
  return { ...played, close };
}

/** The first answer that is as wanted; Jest's time limit bounds it. */
export async function until<T>(look: () => Promise<T>, isWanted: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look();
    if (isWanted(found)) return found;
    await delay(20);
  }
}
