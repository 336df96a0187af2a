import {
  type Pipeline,
  PROFILE_NAMES,
  type ProfileName,
  type ProviderSettings,
} from '../../../src/core/run/pipeline.ts';
import { misfitsOf } from '../../../src/providers/profiles/fit.ts';

type Candidates = Pipeline['candidates'];

const CANDIDATES: Candidates = {
  models: ['some-model'],
  learning_rate_multiplier: 1,
  epochs: 3,
  treatment: 'strip',
  early_stop: true,
  checkpoints: true,
  half_data: false,
};

/** What each provider cannot do without. */
const REQUIRED: Readonly<Record<ProfileName, ProviderSettings>> = {
  local: {},
  openai: {},
  azure: { options: { resource: 'mine', subscription: 'sub-1', resource_group: 'group-1' } },
  crusoe: { options: { project: 'project-1' } },
  nebius: { addresses: { inference: 'https://models.example.com/v1' } },
  fireworks: { options: { account: 'mine' } },
  together: {},
};
const HOSTS = PROFILE_NAMES.filter((name) => name !== 'local');

const evaluation = { alternatives: [] };
const misfits = (provider: Pipeline['provider'], candidates: Partial<Candidates> = {}) =>
  misfitsOf({ provider, evaluation, candidates: { ...CANDIDATES, ...candidates } });
/** The misfits of a pipeline that names all that its provider needs. */
const misfitsAt = (profile: ProfileName, candidates: Partial<Candidates> = {}, settings: ProviderSettings = {}) => {
  const required = REQUIRED[profile];
  const options = { ...required.options, ...settings.options };
  return misfits({ profile, ...required, ...settings, options }, candidates);
};
const said = (list: ReturnType<typeof misfits>) => list.map(({ path, message }) => `${path.join('.')} ${message}`);

describe('addresses', () => {
  test.each(['https://api.openai.com/v1', 'https://api.together.ai/v1/'])(
    'the address %s of a known host needs no profile',
    (baseURL) => {
      expect(misfits({ baseURL, apiKeyEnv: 'KEY' })).toEqual([]);
    },
  );

  test.each([
    'https://api.example.com/v1',
    'http://127.0.0.1:8000/v1',
    'https://openai.azure.com.example.com/v1',
    'https://api.tokenfactory.nebius.com.example.com/v1',
    'https://notnebius.com/v1',
  ])('the address %s of nobody is refused, and the refusal names the way out', (baseURL) => {
    expect(said(misfits({ baseURL, apiKeyEnv: 'KEY' }))).toEqual([
      expect.stringMatching(/^provider\.baseURL is at no host that Tuneloop knows.*`generic`/),
    ]);
  });

  test('nothing else is said of an address that nobody knows, because no profile applies', () => {
    expect(misfits({ baseURL: 'https://api.example.com/v1', options: { nonsense: 1 } }, { lora_rank: 3 })).toHaveLength(
      1,
    );
  });

  test('a provider without profile and address is refused', () => {
    expect(said(misfits({ apiKeyEnv: 'KEY' }))).toEqual([expect.stringContaining('provider has no profile')]);
  });

  test.each([
    ['openai', 'https://api.tokenfactory.nebius.com/v1', 'nebius'],
    ['generic', 'https://api.tokenfactory.nebius.com/v1', 'nebius'],
    ['generic', 'https://mine.openai.azure.com/openai/v1', 'azure'],
    ['openai', 'https://mine.cognitiveservices.azure.com/openai/v1', 'azure'],
    ['openai', 'https://api.together.xyz/v1', 'together'],
    ['openai', 'https://api.studio.nebius.com/v1', 'nebius'],
    ['openai', 'https://api.inference.crusoecloud.com/v1', 'crusoe'],
    ['openai', 'https://api.studio.nebius.ai/v1', 'nebius'],
    ['generic', 'https://api.together.xyz/v1', 'together'],
    ['generic', 'https://API.Tokenfactory.Nebius.com.:443/v1', 'nebius'],
    ['nebius', 'https://eu.api.openai.com/v1', 'openai'],
  ] as const)('the profile %s is refused at %s', (profile, baseURL, owner) => {
    expect(said(misfits({ profile, baseURL, apiKeyEnv: 'KEY' }))).toEqual([
      `provider.baseURL is an address of ${owner}: set provider.profile to ${owner}`,
    ]);
  });

  test('a profile may be named for a gateway at an address of nobody', () => {
    expect(misfitsAt('nebius', {}, { baseURL: 'https://gateway.example.com/v1' })).toEqual([]);
  });

  test('the generic profile needs an address and a key', () => {
    expect(said(misfits({ profile: 'generic', apiKeyEnv: 'KEY' }))).toEqual([
      expect.stringContaining('baseURL is missing'),
    ]);
    expect(said(misfits({ profile: 'generic', baseURL: 'https://api.example.com/v1' }))).toEqual([
      expect.stringContaining('apiKeyEnv is missing'),
    ]);
    expect(misfits({ profile: 'generic', baseURL: 'https://api.example.com/v1', apiKeyEnv: 'KEY' })).toEqual([]);
  });

  test('an address under a name that the host does not have is refused by that name', () => {
    expect(said(misfitsAt('crusoe', {}, { addresses: { training: 'https://api.example.com' } }))).toEqual([
      expect.stringMatching(/^provider\.addresses\.training is unknown to crusoe, which has .*deployments/),
    ]);
  });
});

test('each address that a host may be given is named once', () => {
  expect(said(misfitsAt('fireworks', {}, { addresses: { training: 'https://api.example.com' } }))).toEqual([
    'provider.addresses.training is unknown to fireworks, which has inference',
  ]);
});

describe('all that a host needs', () => {
  test('the last missing option shows the form of them all', () => {
    const messages = said(misfits('azure'));
    expect(messages.at(-1)).toContain(
      'Write provider: { profile: azure, options: { resource: ..., subscription: ..., resource_group: ... } }',
    );
    expect(messages[0]).not.toContain('Write');
  });

  test.each(PROFILE_NAMES)('%s takes a pipeline with its required options and a multiplier', (profile) => {
    expect(misfitsAt(profile)).toEqual([]);
  });

  test.each([
    ['azure', ['resource', 'subscription', 'resource_group']],
    ['crusoe', ['project']],
    ['fireworks', ['account']],
  ] as const)('%s names each option that is missing: %j', (profile, names) => {
    expect(said(misfits(profile))).toEqual(
      names.map((name) =>
        expect.stringMatching(new RegExp(`^provider\\.options\\.${name} is missing: ${profile} needs it`)),
      ),
    );
  });

  test('nebius needs the address where its models are served', () => {
    expect(said(misfits('nebius'))).toEqual([
      expect.stringMatching(/^provider\.addresses\.inference is missing: nebius trains models and does not serve them/),
    ]);
  });
});

describe('options', () => {
  test.each(HOSTS)('an option that %s does not know is refused by its name', (profile) => {
    expect(said(misfitsAt(profile, {}, { options: { nonsense: 1 } }))).toEqual([
      expect.stringMatching(new RegExp(`^provider\\.options\\.nonsense is unknown to ${profile}, which takes `)),
    ]);
  });

  test.each([
    ['azure', { training_type: 'cheap' }, 'training_type must be Standard or GlobalStandard or developerTier'],
    ['azure', { deployment_sku: 'premium' }, 'deployment_sku must be developertier or globalstandard or standard'],
    ['azure', { capacity: 0 }, 'capacity must be from 1 to 10000'],
    ['azure', { capacity: 1.5 }, 'capacity must be an integer'],
    ['crusoe', { serving: 'shared' }, 'serving must be lora or deployment'],
    ['crusoe', { early_stopping_patience: 0 }, 'early_stopping_patience must be from 1 to 1000'],
    ['crusoe', { project: 5 }, 'project must be a string'],
    ['crusoe', { chat_template_kwargs: [] }, 'chat_template_kwargs must be an object'],
    ['nebius', { lora: 'yes' }, 'lora must be a boolean'],
    ['fireworks', { idle_minutes: 1 }, 'idle_minutes must be from 5 to 1440'],
  ] as const)('%s refuses %j', (profile, options, message) => {
    expect(said(misfitsAt(profile, {}, { options }))).toEqual([`provider.options.${message}`]);
  });
});

describe('candidates', () => {
  test.each([
    ['local', true],
    ['openai', true],
    ['azure', true],
    ['crusoe', false],
    ['nebius', false],
    ['fireworks', false],
    ['together', false],
  ] as const)('%s refuses an absolute learning rate: %s', (profile, isRefused) => {
    const found = misfitsAt(profile, { learning_rate: 1e-4, learning_rate_multiplier: undefined });
    expect(said(found)).toEqual(
      isRefused ? [expect.stringContaining(`candidates.learning_rate is unknown to ${profile}`)] : [],
    );
  });

  test.each(['openai', 'azure'] as const)('%s refuses a rank, because it decides about adapters', (profile) => {
    expect(said(misfitsAt(profile, { lora_rank: 8 }))).toEqual([
      expect.stringContaining('candidates.lora_rank is unknown'),
    ]);
  });

  test('a rank at the local trainer is for LLMs', () => {
    expect(misfitsAt('local', { models: ['smollm2-135m'], lora_rank: 8 })).toEqual([]);
    expect(said(misfitsAt('local', { models: ['smollm2-135m', 'local-base'], lora_rank: 8 }))).toEqual([
      'candidates.lora_rank is for LLMs, and local-base is none',
    ]);
  });

  test('nebius refuses a rank where all weights are trained', () => {
    expect(misfitsAt('nebius', { lora_rank: 16 })).toEqual([]);
    expect(said(misfitsAt('nebius', { lora_rank: 16 }, { options: { lora: false } }))).toEqual([
      expect.stringContaining('candidates.lora_rank is unknown to nebius'),
    ]);
  });

  test.each([
    ['crusoe', { lora_rank: [8, 24] }, 'lora_rank must be a power of two from 2 to 256, found 24 at crusoe'],
    ['crusoe', { batch_size: [8, 16, 48] }, 'batch_size must be a power of two from 16 to 1024, found 8, 48 at crusoe'],
    ['nebius', { lora_rank: 4 }, 'lora_rank must be from 8 to 128, found 4 at nebius'],
    ['nebius', { batch_size: 65 }, 'batch_size must be from 1 to 64, found 65 at nebius'],
    ['nebius', { epochs: [3, 21] }, 'epochs must be at most 20 at nebius, found 21'],
    ['openai', { epochs: 51 }, 'epochs must be at most 50 at openai, found 51'],
    ['fireworks', { seed: 1 }, 'seed is unknown to fireworks, whose jobs take no seed'],
    ['fireworks', { lora_rank: 12 }, 'lora_rank must be a power of two from 1 to 64, found 12 at fireworks'],
  ] as const)('%s refuses %j', (profile, candidates, message) => {
    expect(said(misfitsAt(profile, candidates as Partial<Candidates>))).toEqual([`candidates.${message}`]);
  });

  test('all misfits are told at once', () => {
    const found = misfitsAt('crusoe', { batch_size: 1, lora_rank: 3, epochs: 99 }, { options: { nonsense: 1 } });
    expect(found.map(({ path }) => path.at(-1)).toSorted()).toEqual(['batch_size', 'epochs', 'lora_rank', 'nonsense']);
  });
});

describe('what answers are held to', () => {
  const held = (provider: Pipeline['provider'], constrain: 'labels' | 'json_schema', models = ['m']) =>
    said(
      misfitsOf({ provider, candidates: { ...CANDIDATES, models }, evaluation: { alternatives: [], constrain } }),
    ).filter((text) => text.startsWith('evaluation.constrain'));

  test('a form that the provider cannot hold answers to is refused by name', () => {
    expect(held('openai', 'labels')).toEqual([
      'evaluation.constrain is labels, which openai cannot hold answers to: leave it out',
    ]);
    expect(held({ profile: 'crusoe', ...REQUIRED.crusoe }, 'json_schema')).toHaveLength(1);
    expect(held('openai', 'json_schema')).toEqual([]);
    expect(held({ profile: 'fireworks', ...REQUIRED.fireworks }, 'labels')).toEqual([]);
  });

  test('an n-gram model is refused by name where answers are held to a form', () => {
    expect(held('local', 'labels', ['smollm2-135m', 'local-mini'])).toEqual([
      'evaluation.constrain is for LLMs, and local-mini is an n-gram model: leave it out, or train LLMs alone',
    ]);
    expect(held('local', 'labels', ['smollm2-135m'])).toEqual([]);
  });
});

describe('the provider of the original prompt', () => {
  const original = (choice: Pipeline['original_provider']) =>
    said(misfitsOf({ provider: 'openai', original_provider: choice, evaluation, candidates: CANDIDATES }));

  test('it may be at any address, because nothing is trained there', () => {
    expect(original({ baseURL: 'https://api.example.com/v1', apiKeyEnv: 'KEY' })).toEqual([]);
    expect(original('openai')).toEqual([]);
  });

  test('its options are checked by its profile', () => {
    expect(original({ profile: 'crusoe', options: { projet: 'p' } })).toEqual([
      expect.stringMatching(/^original_provider\.options\.projet is unknown to crusoe/),
      expect.stringMatching(/^original_provider\.options\.project is missing/),
    ]);
  });
});
