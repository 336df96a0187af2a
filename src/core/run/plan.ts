import type { Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import {
  type Hyperparameters,
  type LearningRateRule,
  listOf,
  type Rate,
  rateAt,
  ratesOf,
  ruleFor,
  settingsKey,
} from './hyperparameters.ts';
import type { Pipeline } from './pipeline.ts';

/** The settings by which candidates differ. */
export interface Combination {
  baseModel: string;
  hyperparameters: Hyperparameters;
  /** The treatment of its prompts, in training and in use. */
  treatment: Treatment;
}

/** One point of the sweep; becomes one fine-tuning job. */
export interface Candidate extends Combination {
  /** Readable, unique within the run and fit for a workflow id, for example `local-base-lr0.5-e4`. */
  id: string;
  /** The same settings have won an earlier run of this pipeline. */
  pastWinner?: true;
  /** Trained on half of the rows, beside a candidate with the same settings. It cannot win. */
  half?: true;
}

type Lists = Pick<Pipeline['candidates'], 'models' | 'epochs' | 'treatment'> &
  Partial<
    Pick<
      Pipeline['candidates'],
      'learning_rate_multiplier' | 'learning_rate' | 'batch_size' | 'lora_rank' | 'seed' | 'jobs' | 'half_data'
    >
  >;

interface PlanOptions {
  /** Another seed chooses other combinations, where the lists allow more combinations than jobs. */
  seed?: number;
  /** Rows of the dataset on all sides. */
  examples?: number;
  learningRate?: LearningRateRule;
  /** Newest first. */
  pastWinners?: readonly (Omit<Combination, 'treatment'> & { treatment: string })[];
}

const MOST_PAST_WINNERS = 3;
const TINY_SET = 100;
/** With more candidates than this, the best one on a tiny set is the luckiest. */
const TINY_SET_JOBS = 3;
/** The largest number that a pipeline file can ask for. */
const MOST_JOBS = 1000;

/** Whether the examples are too few to rank candidates: then a few are tried, and no checkpoints. */
export function isTinySet(examples: number): boolean {
  return examples < TINY_SET;
}

/**
 * The candidates of a run; the same lists, options and history give the same plan.
 *
 * Every combination of the lists, or with `jobs` that number of them: the same number for each model, as far as that goes, and within a
 * model a Halton sequence over the other lists, which begins at a place that the seed decides (Wang and Hickernell, 2000). Up to three past
 * winners whose model and treatment are still in the lists take the first places, whatever their other settings; a run does not grow by
 * them. Repeated values count once.
 */
export function planCandidates(
  lists: Lists,
  {
    seed = 1,
    examples = Number.POSITIVE_INFINITY,
    learningRate = { takes: 'multiplier' },
    pastWinners = [],
  }: PlanOptions = {},
): Candidate[] {
  const grid = new Grid(lists, learningRate);
  const jobs = Math.min(grid.size, lists.jobs ?? (isTinySet(examples) ? TINY_SET_JOBS : grid.size));
  const past = knownWinners(grid, pastWinners).slice(0, Math.min(MOST_PAST_WINNERS, jobs));
  const chosen = chooseCells(grid, past, jobs - past.length, seed);

  const idOf = namer(grid.models);
  const candidates: Candidate[] = [
    ...past.map((combination) => ({ id: idOf(combination), ...combination, pastWinner: true as const })),
    ...chosen.map((combination) => ({ id: idOf(combination), ...combination })),
  ];
  return lists.half_data ? [...candidates, ...halfOf(candidates, grid.models)] : candidates;
}

/** The lists without repeated values. All combinations of one model are its cells, numbered in the order of the lists. */
class Grid {
  readonly models: readonly string[];
  readonly treatments: readonly Treatment[];
  /** Lengths of the lists other than the models. */
  readonly sizes: readonly number[];
  /** Cells of one model. */
  readonly cells: number;
  readonly #rule: ReturnType<typeof ruleFor>;
  readonly #rates: readonly Rate[];
  readonly #epochs: readonly number[];
  readonly #batchSizes: readonly (number | undefined)[];
  readonly #ranks: readonly (number | undefined)[];
  readonly #seeds: readonly (number | undefined)[];

  constructor(lists: Lists, rule: LearningRateRule) {
    this.models = listOf(lists.models);
    this.treatments = listOf(lists.treatment);
    this.#rule = ruleFor(lists, rule);
    this.#rates = ratesOf(lists, this.#rule);
    this.#epochs = listOf(lists.epochs);
    this.#batchSizes = listOf(lists.batch_size);
    this.#ranks = listOf(lists.lora_rank);
    this.#seeds = listOf(lists.seed);
    this.sizes = [this.#rates, this.#epochs, this.#batchSizes, this.treatments, this.#ranks, this.#seeds].map(
      ({ length }) => length,
    );
    this.cells = this.sizes.reduce((product, size) => product * size, 1);
  }

  /** How many combinations there are. */
  get size(): number {
    return this.models.length * this.cells;
  }

  combination(baseModel: string, cell: number): Combination {
    const [rate, epochs, batch, treatment, rank, seedPlace] = this.#places(cell);
    const batchSize = at(this.#batchSizes, batch);
    const loraRank = at(this.#ranks, rank);
    const seed = at(this.#seeds, seedPlace);
    return {
      baseModel,
      hyperparameters: {
        ...at(this.#rates, rate),
        epochs: at(this.#epochs, epochs),
        ...(batchSize === undefined ? {} : { batchSize }),
        ...(loraRank === undefined ? {} : { loraRank }),
        ...(seed === undefined ? {} : { seed }),
      },
      treatment: at(this.treatments, treatment),
    };
  }

  /** The rate of a past winner at this provider. */
  rateOf({ learningRateMultiplier }: Hyperparameters): Rate {
    return rateAt(learningRateMultiplier, this.#rule);
  }

  /** The cell of a combination; null for one that is not in the lists. */
  cellOf({ hyperparameters, treatment }: Combination): number | null {
    const { learningRateMultiplier, epochs, batchSize, loraRank, seed } = hyperparameters;
    const places = [
      this.#rates.findIndex((rate) => rate.learningRateMultiplier === learningRateMultiplier),
      this.#epochs.indexOf(epochs),
      this.#batchSizes.indexOf(batchSize),
      this.treatments.indexOf(treatment),
      this.#ranks.indexOf(loraRank),
      this.#seeds.indexOf(seed),
    ];
    return places.includes(-1) ? null : this.cellAt(places);
  }

  cellAt(places: readonly number[]): number {
    return this.sizes.reduce((cell, size, list) => cell * size + (places[list] ?? 0), 0);
  }

  #places(cell: number): number[] {
    let rest = cell;
    const places = this.sizes.toReversed().map((size) => {
      const place = rest % size;
      rest = Math.floor(rest / size);
      return place;
    });
    return places.toReversed();
  }
}

/** The past winners that the lists still allow, each once. */
function knownWinners(grid: Grid, pastWinners: NonNullable<PlanOptions['pastWinners']>): Combination[] {
  const known = new Map<string, Combination>();
  for (const { baseModel, hyperparameters, treatment: name } of pastWinners) {
    const treatment = grid.treatments.find((allowed) => allowed === name);
    if (treatment === undefined || !grid.models.includes(baseModel)) continue;
    // Its multiplier counts, because the rate of another provider means nothing here.
    const { learningRate: _, ...others } = hyperparameters;
    const key = JSON.stringify([baseModel, settingsKey(hyperparameters), treatment]);
    known.set(key, { baseModel, hyperparameters: { ...others, ...grid.rateOf(hyperparameters) }, treatment });
  }
  return [...known.values()];
}

/** At most this many combinations besides the past winners, in the order of the lists. */
function chooseCells(grid: Grid, past: readonly Combination[], jobs: number, seed: number): Combination[] {
  const models = grid.models.map((model) => {
    const own = past.filter(({ baseModel }) => baseModel === model);
    const used = new Set(own.flatMap((winner) => grid.cellOf(winner) ?? []));
    return { model, used, free: grid.cells - used.size, places: own.length, wanted: 0 };
  });
  for (let job = 0; job < jobs; job += 1) {
    const open = models.filter(({ free, wanted }) => wanted < free);
    const next = open.toSorted((a, b) => a.places - b.places)[0];
    if (!next) break;
    next.places += 1;
    next.wanted += 1;
  }
  const bases = basesFor(grid.sizes);
  // Consecutive points cover the lists evenly, so each model gets a run of consecutive points.
  let point = (seed % 2 ** 20) * MOST_JOBS;
  return models.flatMap(({ model, used, wanted }) => {
    const cells: number[] = [];
    while (cells.length < wanted) {
      point += 1;
      let cell = grid.cellAt(grid.sizes.map((size, list) => placeOf(point, bases[list] ?? 2, size)));
      while (used.has(cell)) cell = (cell + 1) % grid.cells;
      used.add(cell);
      cells.push(cell);
    }
    return cells.sort((a, b) => a - b).map((cell) => grid.combination(model, cell));
  });
}

/** A prime for each list, or the length of the list if it is prime: then each run of that many points has every value. */
function basesFor(sizes: readonly number[]): number[] {
  const free = [2, 3, 5, 7, 11, 13];
  return sizes.map((size) => {
    const base = free.includes(size) ? size : (free[0] ?? 2);
    // A list of one value needs no prime.
    if (size > 1) free.splice(free.indexOf(base), 1);
    return base;
  });
}

/**
 * Where a point of the Halton sequence falls in a list: the digits of its number, mirrored at the point (Halton, 1960).
 *
 * @param point from 1
 */
function placeOf(point: number, base: number, size: number): number {
  let mirrored = 0;
  let scale = 1;
  for (let rest = point; rest > 0; rest = Math.floor(rest / base)) {
    mirrored = mirrored * base + (rest % base);
    scale *= base;
  }
  return Math.floor((mirrored / scale) * size);
}

/** The middle learning rate of the last model, because lists mostly go from small to large, on half of the rows. */
function halfOf(candidates: readonly Candidate[], models: readonly string[]): Candidate[] {
  const last = models.findLast((model) => candidates.some(({ baseModel }) => baseModel === model));
  const own = candidates
    .filter(({ baseModel }) => baseModel === last)
    .toSorted((a, b) => a.hyperparameters.learningRateMultiplier - b.hyperparameters.learningRateMultiplier);
  const twin = own[Math.floor((own.length - 1) / 2)];
  if (!twin) return [];
  const { id, baseModel, hyperparameters, treatment } = twin;
  return [{ id: `${id}-half`, baseModel, hyperparameters, treatment, half: true }];
}

function at<T>(list: readonly T[], place: number | undefined): T {
  return list[place ?? 0] as T;
}

/** Makes ids. Characters that ids cannot hold are replaced; where two models would get the same name, the later one is numbered. */
function namer(models: readonly string[]): (combination: Combination) => string {
  const names = new Map<string, string>();
  for (const model of models) {
    const plain = model.replace(/[^\w.-]/g, '-');
    const taken = new Set(names.values());
    let name = plain;
    for (let number = 2; taken.has(name); number += 1) name = `${plain}-${number}`;
    names.set(model, name);
  }
  return ({ baseModel, hyperparameters, treatment }) => {
    const { learningRateMultiplier, epochs, batchSize, loraRank, seed } = hyperparameters;
    const optional = [
      ['b', batchSize],
      ['r', loraRank],
      ['s', seed],
    ].flatMap(([letter, value]) => (value === undefined ? [] : [`-${letter}${value}`]));
    const treated = treatment === 'strip' ? '' : `-${treatment}`;
    return `${names.get(baseModel)}-lr${learningRateMultiplier}-e${epochs}${optional.join('')}${treated}`;
  };
}
