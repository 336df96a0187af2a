import {
  type DescribedModel,
  type DescribedVariant,
  type ProviderDescription,
  providerNamed,
} from '../client/providers.ts';
import type { LeaseTraits } from '../core/run/lease-plan.ts';
import { plainLine, usdText } from '../core/text/format.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';
import { alignColumns } from './run-table.ts';
import { withTuneloop } from './session.ts';

/** `providers [NAME]`: what each provider has, takes and costs, from tables. Nobody is asked. */
export function providers(name: string | undefined, { json }: { json?: boolean }): Promise<number> {
  return withTuneloop(async (tuneloop) => {
    const all = tuneloop.providers();
    if (name === undefined) {
      printResult(json, all, () => overview(all));
    } else {
      const provider = providerNamed(all, name);
      printResult(json, provider, () => details(provider));
    }
    return EXIT.ok;
  });
}

function overview(all: readonly ProviderDescription[]): string {
  const table = alignColumns([
    ['provider', 'rates', 'early stop', 'checkpoints', 'stop pays', 'serving', 'prices of'],
    ...all.map(({ name, jobs, serving, prices }) => [
      name,
      RATES[jobs.learningRate.takes],
      STOPS[jobs.metrics],
      { callable: 'yes', leased: 'leased', none: 'none' }[jobs.checkpoints],
      { trained: 'work done', nothing: 'nothing', unknown: 'unknown' }[jobs.cancelledPays],
      SERVING[serving.start],
      prices?.date ?? '-',
    ]),
  ]);
  return [
    table,
    '',
    'rates: of learning; early stop: what is known while a job trains; stop pays:',
    'what a stopped job pays for; leased: needs a serving lease.',
    'Nobody was asked. `tuneloop providers NAME` shows key, models, prices, options.',
  ].join('\n');
}

const RATES = { multiplier: 'multiplier', rate: 'absolute', either: 'either' } as const;
const FIGURES = { events: 'events', endpoint: 'figures', file: 'file of figures', none: '' } as const;
const STOPS = { events: 'events', endpoint: 'figures', file: 'a file', none: 'no' } as const;
const SERVING = { included: 'included', lease: 'leased', none: 'elsewhere' } as const;

function details(provider: ProviderDescription): string {
  const { name, description, address, keyVariable, closes, prices, models, jobs, serving, options, variants } =
    provider;
  const parts = [
    [
      `${name}: ${description}`,
      `address: ${address === '' ? 'provider.baseURL' : address}`,
      `key: ${keyVariable ?? (name === 'generic' ? 'provider.apiKeyEnv' : 'none')}`,
      ...(closes === null ? [] : [`Its fine-tuning ends on ${closes}.`]),
    ].join('\n'),
    [modelTable(models), pricesText(prices, models)].filter((text) => text !== '').join('\n'),
    jobLines(jobs).join('\n'),
    servingLines(serving).join('\n'),
    ...variants.map(variantText),
    ...(options.length === 0 ? [] : [['provider.options', ...options.map(optionText)].join('\n')]),
  ];
  return parts.map((part) => part.split('\n').map(plainText).join('\n')).join('\n\n');
}

/** Columns keep their spaces. */
function plainText(line: string): string {
  return /\S {2,}\S/.test(line) || line.startsWith(' ') ? line : plainLine(line);
}

function modelTable(models: readonly DescribedModel[]): string {
  if (models.length === 0) return '';
  const usd = (amount: number | null) => (amount === null ? 'unknown' : usdText(amount));
  const tokens = (price: DescribedModel['tuned']) =>
    price === 'unknown' ? price : price ? `${usdText(price.input)} / ${usdText(price.output)}` : '-';
  const table = withoutEmptyColumns([
    ['base model', 'training per 1M', 'least per job', 'hour of serving', 'tuned in / out', 'base in / out'],
    ...models.map(({ name, trainingPer1M, minimumPerJob, servingPerHour, tuned, base }) => [
      name,
      usd(trainingPer1M),
      minimumPerJob === 0 ? '-' : usdText(minimumPerJob),
      servingPerHour === 0 ? '-' : usd(servingPerHour),
      tokens(tuned),
      tokens(base),
    ]),
  ]);
  return [table, ...noteLines(models)].join('\n');
}

/** Each note once, with the models that it is of. */
function noteLines(models: readonly DescribedModel[]): string[] {
  const notes = new Set(models.flatMap(({ note }) => note ?? []));
  return [...notes].map((note) => {
    const names = models.filter((model) => model.note === note).map(({ name }) => name);
    return `${names.join(', ')}: ${note}.`;
  });
}

/** A column in which no row says anything is left out, so that lines fit into a terminal. */
function withoutEmptyColumns(rows: readonly string[][]): string {
  const says = (column: number) => rows.slice(1).some((row) => !['-', ''].includes(row[column] ?? ''));
  return alignColumns(rows.map((row) => row.filter((_, column) => says(column))));
}

function pricesText(prices: ProviderDescription['prices'], models: readonly DescribedModel[]): string {
  if (prices) return `Prices of ${prices.date}: ${prices.source}. Tokens per 1M.`;
  return models.length > 0 ? 'No prices are known: name a file of your own in TUNELOOP_PRICES.' : '';
}

function jobLines({
  learningRate,
  loraRank,
  takesSeed,
  batchSize,
  mostEpochs,
  metrics,
  checkpoints,
  cancelledPays,
}: ProviderDescription['jobs']): string[] {
  const power = (rule: { powerOfTwo: boolean }) => (rule.powerOfTwo ? ', powers of two' : '');
  const rate =
    learningRate.takes === 'multiplier'
      ? 'a multiplier of a rate that the provider knows'
      : `${learningRate.takes === 'rate' ? 'absolute' : 'absolute or a multiplier'}; a multiplier of 1 stands for ${learningRate.base}`;
  return [
    `learning rate: ${rate}`,
    `LoRA rank: ${loraRank ? `${loraRank.default} unless given, ${loraRank.range.join(' to ')}${power(loraRank)}` : 'decided by the provider'}`,
    `seed: ${takesSeed ? 'taken' : 'not taken'}`,
    `batch size: ${batchSize.range.join(' to ')}${power(batchSize)}; at most ${mostEpochs} epochs`,
    `early stop: ${metrics === 'none' ? 'no figures come while a job trains, so it trains to the end' : `by its ${FIGURES[metrics]}`}`,
    `checkpoints: ${CHECKPOINTS[checkpoints]}`,
    `a stopped job pays: ${CANCELLED[cancelledPays]}`,
  ];
}

const CHECKPOINTS = {
  callable: 'can be called at once, so their evaluation costs tokens alone',
  leased: 'each needs a serving lease to be evaluated',
  none: 'none are kept',
} as const;
const CANCELLED = {
  trained: 'the work done so far',
  nothing: 'nothing',
  unknown: 'unknown, so its whole reservation counts as spent',
} as const;

function servingLines({ start, lease }: ProviderDescription['serving']): string[] {
  if (start === 'included') return ['serving: a tuned model can be called minutes after its job has ended'];
  if (start === 'none' || !lease)
    return ['serving: not by itself; provider.addresses.inference names where its models are served'];
  return leaseLines(lease);
}

function leaseLines({ models, atOnce, coldStartMinutes, idleMinutes, paidByHour, servesBase }: LeaseTraits): string[] {
  return [
    `serving: by a lease of ${models === 1 ? 'one model' : `up to ${models} models of one base model`}`,
    `a lease: ${paidByHour ? 'paid by the hour, with or without calls' : 'no price by the hour'}; about ${coldStartMinutes} minutes until it answers`,
    `leases: at most ${atOnce} at the same time; ${servesBase ? 'base models are leased too' : 'base models need none'}`,
    `without calls: ${idleMinutes === null ? 'never ends by itself' : `ends after ${idleMinutes < 120 ? `${idleMinutes} minutes` : `${idleMinutes / 60} hours`}`}`,
  ];
}

function variantText({ option, values, lease, prices, models }: DescribedVariant): string {
  const lines = [`With ${option}: ${values.join(' or ')}`, ...(lease ? leaseLines(lease) : [])];
  return [...lines, modelTable(models), pricesText(prices, models)].filter((text) => text !== '').join('\n');
}

function optionText({
  name,
  description,
  oneOf,
  range,
  default: usual,
  required,
}: ProviderDescription['options'][number]): string {
  const values = oneOf ? ` (${oneOf.join(', ')})` : range ? ` (${range.join(' to ')})` : '';
  const rule = required ? '; required' : usual === undefined ? '' : `; ${usual} unless given`;
  return `  ${name}${values}: ${description}${rule}`;
}
