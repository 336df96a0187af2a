import type { ProfileName, ProviderSettings } from '../../src/core/run/pipeline.ts';
import type { FaultInput } from './faults.ts';
import type { Front } from './front.ts';
import { AZURE_FRONT } from './fronts/azure.ts';
import { CRUSOE_FRONT } from './fronts/crusoe.ts';
import { FIREWORKS_FRONT } from './fronts/fireworks.ts';
import { NEBIUS_FRONT } from './fronts/nebius.ts';
import { OPENAI_FRONT } from './fronts/openai.ts';
import { TOGETHER_FRONT } from './fronts/together.ts';
import { DEFAULT_KEY, Host, type HostOptions } from './host.ts';
import type { HostLedger } from './ledger.ts';
import type { Violation } from './schemas.ts';

/** The hosts that can be played. A new one is a line here, and its front. */
export const FRONTS = {
  openai: OPENAI_FRONT,
  together: TOGETHER_FRONT,
  fireworks: FIREWORKS_FRONT,
  azure: AZURE_FRONT,
  crusoe: CRUSOE_FRONT,
  nebius: NEBIUS_FRONT,
} as const satisfies Partial<Record<ProfileName, Front>>;

export type HostName = keyof typeof FRONTS;

export const HOST_NAMES = Object.keys(FRONTS) as HostName[];

const KEY = 'TUNELOOP_TEST_HOST_KEY';

export interface RunningHost {
  /** The value of `provider` in a pipeline file. */
  readonly provider: ProviderSettings;
  /** What a process that uses the host needs in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** For what is not below: leases removed by hand, prices. */
  readonly host: Host;
  ledger(): Promise<HostLedger>;
  violations(): readonly Violation[];
  /** Which calls go wrong from now on. */
  fail(rules: readonly FaultInput[], seed?: number): void;
  close(): Promise<void>;
}

/** What users of a host at an address have in their pipeline file and in their environment. */
export function accessTo(name: HostName, origin: string, apiKey = DEFAULT_KEY): Pick<RunningHost, 'provider' | 'env'> {
  const front: Front = FRONTS[name];
  return {
    provider: { profile: name, apiKeyEnv: KEY, settling_seconds: 1, ...front.settings(origin) },
    env: { [KEY]: apiKey, ...front.env },
  };
}

/** Starts a server that plays a host. */
export async function startHost(name: HostName, options: Partial<HostOptions> = {}): Promise<RunningHost> {
  const host = await Host.start(FRONTS[name], options);
  return {
    ...accessTo(name, host.origin, host.options.apiKey),
    host,
    ledger: () => host.ledger(),
    violations: () => host.violations(),
    fail: (rules, seed) => host.faults.set(rules, seed),
    close: () => host.close(),
  };
}
