import { listOf } from '../../core/run/hyperparameters.ts';
import type { Pipeline, ProviderSettings } from '../../core/run/pipeline.ts';
import type { OptionRule, ProviderProfile } from '../profile.ts';
import { namedProfile, profileAt, profileOf } from './index.ts';

/** What the answers of a pipeline's models are held to. */
interface Held {
  evaluation: Pick<Pipeline['evaluation'], 'alternatives' | 'constrain'>;
}

/** A key of a pipeline file that its provider does not take. */
export interface Misfit {
  /** Where the key stands. */
  path: string[];
  /** What is wrong with it and what to do, as the end of a sentence that begins with the key. */
  message: string;
}

/**
 * The keys of a pipeline that its provider does not take, so that nothing else is trained in their stead. A provider that takes an unknown
 * field in silence sells the wrong job.
 */
export function misfitsOf({
  provider,
  original_provider: original,
  candidates,
  evaluation,
}: Pick<Pipeline, 'provider' | 'original_provider' | 'candidates'> & Held): Misfit[] {
  const settings: ProviderSettings = typeof provider === 'string' ? { profile: provider } : provider;
  const address = addressMisfits(settings);
  if (address.length > 0) return address;
  const profile = profileOf(provider);
  return [
    ...optionMisfits(profile, settings),
    ...candidateMisfits(profile, candidates),
    ...servingMisfits(profile, settings),
    ...originalMisfits(original),
    ...constraintMisfits(profile, { candidates, evaluation }),
    ...(original && evaluation.alternatives.length > 0
      ? constraintMisfits(profileOf(original), { candidates: null, evaluation })
      : []),
  ];
}

/** An answer that is not held to the form would be reported as one that is. */
function constraintMisfits(
  { name, constraints }: ProviderProfile,
  { candidates, evaluation: { constrain } }: { candidates: Pipeline['candidates'] | null } & Held,
): Misfit[] {
  if (constrain === undefined) return [];
  const path = ['evaluation', 'constrain'];
  const can = constrain === 'labels' ? constraints.labels !== 'none' : constraints.jsonSchema;
  if (!can) return [{ path, message: `is ${constrain}, which ${name} cannot hold answers to: leave it out` }];
  const ngram = name === 'local' ? candidates?.models.find((model) => model.startsWith('local-')) : undefined;
  if (ngram === undefined) return [];
  return [{ path, message: `is for LLMs, and ${ngram} is an n-gram model: leave it out, or train LLMs alone` }];
}

/** Nothing is trained there, so that any address will do. */
function originalMisfits(choice: Pipeline['original_provider']): Misfit[] {
  if (choice === undefined || typeof choice === 'string') return [];
  const misfits = optionMisfits(profileOf(choice), choice);
  return misfits.map(({ path: [, ...keys], message }) => ({ path: ['original_provider', ...keys], message }));
}

function addressMisfits(settings: ProviderSettings): Misfit[] {
  const { profile: name, baseURL, apiKeyEnv, trainer } = settings;
  const path = ['provider', 'baseURL'];
  const machine = machineMisfits(settings);
  if (trainer !== undefined || machine.length > 0) return machine;
  const owner = baseURL === undefined ? undefined : profileAt(baseURL);
  if (name === undefined) {
    if (baseURL === undefined)
      return [{ path: ['provider'], message: 'has no profile: name one, such as `profile: openai`' }];
    if (owner) return [];
    const message =
      'is at no host that Tuneloop knows, and a server that passes over a field trains something else: set provider.profile ' +
      'to the provider whose protocol it speaks, or to `generic` if it does all that OpenAI does';
    return [{ path, message }];
  }
  if (owner && name !== owner.name) {
    return [{ path, message: `is an address of ${owner.name}: set provider.profile to ${owner.name}` }];
  }
  if (name === 'generic') {
    if (baseURL === undefined)
      return [
        {
          path,
          message:
            'is missing: the profile `generic` has no address, so name yours, such as https://api.example.com/v1',
        },
      ];
    if (apiKeyEnv === undefined) {
      return [
        {
          path: ['provider', 'apiKeyEnv'],
          message: 'is missing: name the environment variable that holds the key of the server',
        },
      ];
    }
  }
  return [];
}

/** What does not go with a trainer of Tuneloop, or only with one. */
function machineMisfits({
  profile,
  baseURL,
  addresses,
  apiKeyEnv,
  trainer,
  machine_usd_per_hour: usd,
}: ProviderSettings): Misfit[] {
  if (trainer === undefined) {
    if (usd === undefined || profile === 'local') return [];
    const message = "is the price of a machine of one's own: it goes with provider.trainer or with profile: local";
    return [{ path: ['provider', 'machine_usd_per_hour'], message }];
  }
  const others = { profile: profile === 'local' ? undefined : profile, baseURL, addresses };
  const other = Object.entries(others).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) {
    return [{ path: ['provider', other], message: 'does not go with provider.trainer, which says all: leave it out' }];
  }
  if (apiKeyEnv !== undefined || isThisMachine(trainer)) return [];
  const message = 'is missing: name the environment variable that holds the token of the trainer';
  return [{ path: ['provider', 'apiKeyEnv'], message }];
}

function isThisMachine(url: string): boolean {
  return URL.canParse(url) && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(new URL(url).hostname);
}

function optionMisfits({ name, options: rules, addresses }: ProviderProfile, settings: ProviderSettings): Misfit[] {
  const { options = {}, addresses: given = {} } = settings;
  const known = namedProfile(settings)?.addresses ?? addresses;
  const allowed = Object.keys(rules);
  const unknown = Object.keys(options).filter((key) => !(key in rules));
  const missing = Object.entries(rules).filter(([key, { required }]) => required && options[key] === undefined);
  // Said once, with all keys: whoever wrote `provider: azure` does not know where options stand.
  const form = `Write provider: { profile: ${name}, options: { ${missing.map(([key]) => `${key}: ...`).join(', ')} } }`;
  const strangers = Object.keys(given).filter((key) => !(key in known) && key !== 'inference');
  return [
    ...unknown.map((key) => ({
      path: ['provider', 'options', key],
      message: `is unknown to ${name}, which takes ${allowed.length === 0 ? 'no options' : allowed.join(', ')}`,
    })),
    ...missing.map(([key, { description }], place) => ({
      path: ['provider', 'options', key],
      message: `is missing: ${name} needs it (${description})${place === missing.length - 1 ? `. ${form}` : ''}`,
    })),
    ...Object.entries(options).flatMap(([key, value]) => {
      const rule = rules[key];
      const wanted = rule && valueMisfit(rule, value);
      return wanted ? [{ path: ['provider', 'options', key], message: `must be ${wanted}` }] : [];
    }),
    ...strangers.map((key) => ({
      path: ['provider', 'addresses', key],
      message: `is unknown to ${name}, which has ${[...new Set(['inference', ...Object.keys(known)])].join(', ')}`,
    })),
  ];
}

/** What a value must be; undefined for one that is right. */
function valueMisfit({ type, oneOf, range }: OptionRule, value: unknown): string | undefined {
  if (oneOf) return oneOf.some((allowed) => allowed === value) ? undefined : oneOf.join(' or ');
  const isIt =
    type === 'integer'
      ? Number.isInteger(value)
      : type === 'object'
        ? typeof value === 'object' && value !== null && !Array.isArray(value)
        : typeof value === type;
  if (!isIt) return `${/^[aio]/.test(type) ? 'an' : 'a'} ${type}`;
  if (!range || typeof value !== 'number') return undefined;
  return value >= range[0] && value <= range[1] ? undefined : `from ${range[0]} to ${range[1]}`;
}

function candidateMisfits({ name, jobs, wordModels }: ProviderProfile, candidates: Pipeline['candidates']): Misfit[] {
  const { learning_rate: rates, lora_rank: ranks, seed, batch_size: sizes, epochs } = candidates;
  const at = (key: string, message: string): Misfit => ({ path: ['candidates', key], message });
  const misfits: Misfit[] = [];
  if (rates !== undefined && jobs.learningRate.takes === 'multiplier') {
    misfits.push(
      at('learning_rate', `is unknown to ${name}, which takes a multiplier only: use learning_rate_multiplier`),
    );
  }
  if (ranks !== undefined) {
    const word = candidates.models.find((model) => wordModels?.test(model));
    if (word !== undefined) misfits.push(at('lora_rank', `is for LLMs, and ${word} is none`));
    if (!jobs.loraRank) misfits.push(at('lora_rank', `is unknown to ${name}, which decides about adapters by itself`));
    else
      misfits.push(...numbersOutside(ranks, jobs.loraRank).map((message) => at('lora_rank', `${message} at ${name}`)));
  }
  if (seed !== undefined && !jobs.takesSeed) {
    misfits.push(at('seed', `is unknown to ${name}, whose jobs take no seed`));
  }
  if (sizes !== undefined) {
    misfits.push(...numbersOutside(sizes, jobs.batchSize).map((message) => at('batch_size', `${message} at ${name}`)));
  }
  const most = Math.max(...listOf(epochs));
  if (most > jobs.mostEpochs)
    misfits.push(at('epochs', `must be at most ${jobs.mostEpochs} at ${name}, found ${most}`));
  return misfits;
}

function numbersOutside(
  values: number | number[],
  { range: [lowest, highest], powerOfTwo }: { range: readonly [number, number]; powerOfTwo: boolean },
): string[] {
  const wrong = listOf(values).filter(
    (value) => value < lowest || value > highest || (powerOfTwo && !Number.isInteger(Math.log2(value))),
  );
  if (wrong.length === 0) return [];
  const kind = powerOfTwo ? 'a power of two ' : '';
  return [`must be ${kind}from ${lowest} to ${highest}, found ${wrong.join(', ')}`];
}

/** A provider that only trains leaves nothing to evaluate. */
function servingMisfits({ name, serving }: ProviderProfile, { addresses }: ProviderSettings): Misfit[] {
  if (serving.start !== 'none' || addresses?.inference !== undefined) return [];
  const message =
    `is missing: ${name} trains models and does not serve them by itself. Name the address where yours are served: ` +
    `provider: { profile: ${name}, addresses: { inference: https://... } }`;
  return [{ path: ['provider', 'addresses', 'inference'], message }];
}
