import type { ProfileName, ProviderChoice, ProviderLimitsChoice, ProviderSettings } from '../../core/run/pipeline.ts';
import type { ProviderLimits, ProviderProfile } from '../profile.ts';
import { AZURE } from './azure.ts';
import { CRUSOE } from './crusoe.ts';
import { FIREWORKS } from './fireworks.ts';
import { GENERIC } from './generic.ts';
import { LOCAL } from './local.ts';
import { NEBIUS } from './nebius.ts';
import { OPENAI } from './openai.ts';
import { TOGETHER } from './together.ts';

/** The profile of each provider that a pipeline can name. A new provider is one line here, and its name in `core/run/pipeline.ts`. */
export const PROFILES = {
  local: LOCAL,
  openai: OPENAI,
  azure: AZURE,
  crusoe: CRUSOE,
  nebius: NEBIUS,
  fireworks: FIREWORKS,
  together: TOGETHER,
} as const satisfies Record<ProfileName, ProviderProfile>;

export const describeProfile = (name: ProfileName): string => PROFILES[name].description;

/**
 * The profile of the provider that a pipeline names, with its settings. An address without a profile that no profile has either gets the
 * generic one: `profiles/fit.ts` refuses to train there.
 *
 * @param trainerUrl address of the local trainer, if it is not the usual one
 */
export function profileOf(choice: ProviderChoice, trainerUrl?: string): ProviderProfile {
  const settings: ProviderSettings = typeof choice === 'string' ? { profile: choice } : choice;
  const profile = namedProfile(settings) ?? { ...GENERIC, address: '', keyVariable: null };
  const { apiKeyEnv, settling_seconds: seconds, limits, options = {}, machine_usd_per_hour: usdPerHour } = settings;
  const defaults = Object.entries(profile.options).flatMap(([name, { default: value }]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  const values = { ...Object.fromEntries(defaults), ...options };
  const { jobs, serving, billing } = withChanges(profile, values);
  return {
    ...profile,
    address: addressOf(choice, trainerUrl),
    addresses: { ...profile.addresses, ...settings.addresses },
    keyVariable: apiKeyEnv ?? profile.keyVariable,
    settings: values,
    limits: withLimits(profile.limits, limits ?? {}),
    jobs: { ...jobs, settlingMs: seconds === undefined ? jobs.settlingMs : seconds * 1000 },
    serving,
    billing: billing.charges === 'machine-time' && usdPerHour !== undefined ? { ...billing, usdPerHour } : billing,
  };
}

/** Jobs, serving and prices with the values of the options. */
function withChanges(
  { options, jobs, serving, billing }: ProviderProfile,
  values: Readonly<Record<string, unknown>>,
): Pick<ProviderProfile, 'jobs' | 'serving' | 'billing'> {
  const changes = Object.entries(options).flatMap(
    ([name, { changes: byValue }]) => byValue?.[String(values[name])] ?? [],
  );
  const lease = serving.lease && Object.assign({ ...serving.lease }, ...changes.map((change) => change.lease));
  const priceList = changes.findLast((change) => change.priceList !== undefined)?.priceList;
  return {
    jobs: Object.assign({ ...jobs }, ...changes.map((change) => change.jobs)),
    serving: { ...serving, lease },
    billing: billing.charges === 'tokens' && priceList !== undefined ? { ...billing, priceList } : billing,
  };
}

/**
 * The address of a provider, without a slash at its end.
 *
 * @param trainerUrl address of the local trainer, if it is not the usual one
 */
export function addressOf(choice: ProviderChoice, trainerUrl: string = LOCAL.address): string {
  const {
    profile: name,
    baseURL,
    trainer,
    options = {},
  }: ProviderSettings = typeof choice === 'string' ? { profile: choice } : choice;
  if (baseURL !== undefined) return baseURL.replace(/\/+$/, '');
  if (trainer !== undefined) return `${trainer.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1`;
  if (name === 'local') return trainerUrl;
  const profile = namedProfile({ profile: name });
  return (profile?.address ?? '').replace(/\{(\w+)\}/g, (_, option: string) => String(options[option] ?? option));
}

/** The profile that settings name, or whose address they have; undefined for an address that no profile has. */
export function namedProfile({ profile: name, baseURL, trainer }: ProviderSettings): ProviderProfile | undefined {
  if (trainer !== undefined) return LOCAL;
  if (name === 'generic') return { ...GENERIC, address: '', keyVariable: null };
  return name === undefined ? (baseURL === undefined ? undefined : profileAt(baseURL)) : PROFILES[name];
}

/** The profile whose domain an address is in. Ports of this machine are nobody's. */
export function profileAt(baseURL: string): ProviderProfile | undefined {
  const hostname = new URL(baseURL).hostname.replace(/\.$/, '');
  return Object.values<ProviderProfile>(PROFILES).find(({ domains }) =>
    domains.some((domain) => hostname === domain || hostname.endsWith(`.${domain}`)),
  );
}

/** Whether an id has the form of a fine-tuning job of any provider. */
export function isJobId(id: string): boolean {
  return Object.values<ProviderProfile>(PROFILES).some(({ ids }) => ids.job.test(id));
}

/** Whether OpenAI's own clients call this address unless told otherwise. */
export function isClientDefault({ address }: Pick<ProviderProfile, 'address'>): boolean {
  return new URL(address).hostname === new URL(OPENAI.address).hostname;
}

function withLimits(
  defaults: ProviderLimits,
  { fewest_examples: examples, largest_file_mb: megabytes, tokens_per_example: tokens }: ProviderLimitsChoice,
): ProviderLimits {
  return {
    ...defaults,
    fewestExamples: examples ?? defaults.fewestExamples,
    largestFileBytes: megabytes === undefined ? defaults.largestFileBytes : megabytes * 1_000_000,
    tokensPerExample: tokens ?? defaults.tokensPerExample,
  };
}
