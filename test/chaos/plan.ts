import { randomShares, spread } from '@tuneloop/app/internal/shared/random';
import type { Effect, FaultRule } from '../../packages/local-trainer/src/faults/fault-plan.ts';
import type { FaultInput } from '../hosts/faults.ts';

export interface ChaosOptions {
  runs: number;
  /** An integer; the same options and seed give the same plan. */
  seed: number;
  /** Least and most runs that are open at a time. */
  waveSize?: readonly [number, number];
  /** Kills in all, at least one for each wave; by default a tenth more than runs, some of which may come too late. */
  kills?: number;
  /** What may go wrong at the provider; by default at the local trainer. */
  hazards?: Hazards;
}

/** What may go wrong at a provider, and how many of its candidates a budget may pay for. */
export interface Hazards {
  /** All of them pass, so that a run can survive them. */
  faults: readonly { always?: boolean; choices: readonly PhaseRule[] }[];
  /** The calls that kills are aimed at, the usual ones several times. */
  aims: readonly string[];
  affordable: readonly [number, number];
}

/** A rule of the trainer, or of a server that plays a host. */
export type PhaseRule = FaultRule | FaultInput;

/** All that is decided before anything is started. What happens then also depends on the clock. */
export interface ChaosPlan {
  waves: WavePlan[];
}

export interface WavePlan {
  runs: RunPlan[];
  kills: KillPlan[];
  phases: FaultPhase[];
}

export interface RunPlan {
  name: string;
  rows: number;
  /** Of its rows and of its split, so that no two runs train on the same file. */
  seed: number;
  /** Milliseconds after the beginning of its wave. */
  startAfterMs: number;
  /** The number of its candidates that the budget pays for; null for no budget. */
  affordable: number | null;
  /** When a user cancels it: so long after its start, or after its jobs were started. */
  cancel: { after: 'start' | 'train'; ms: number } | null;
}

export interface KillPlan {
  target: 'worker' | 'server';
  /** When: after a time, or at the n-th entry of this kind in the ledger from now on. */
  trigger: { kind: 'delay'; ms: number } | { kind: 'entry'; endpoint: string; hanging: boolean; nth: number };
  /** The time that it stays away, in milliseconds. */
  downMs: number;
}

/** A fault plan and how long it is in force, in milliseconds. */
export interface FaultPhase {
  seed: number;
  ms: number;
  rules: PhaseRule[];
}

const DEFAULT_WAVE_SIZE = [8, 10] as const;

/** Draws everything from one generator in a fixed order. */
export function planChaos({
  runs,
  seed,
  waveSize = DEFAULT_WAVE_SIZE,
  kills = Math.ceil(runs * 1.1),
  hazards = TRAINER_HAZARDS,
}: ChaosOptions): ChaosPlan {
  const draw = new Draw(seed);
  const waves: WavePlan[] = [];
  for (let first = 0; first < runs; ) {
    const size = waveOf(draw.integer(...waveSize), runs - first, waveSize);
    const until = first + size;
    const planned = Math.max(1, Math.round((until * kills) / runs) - Math.round((first * kills) / runs));
    waves.push({
      runs: Array.from({ length: size }, (_, index) => planRun(draw, first + index, hazards)),
      kills: Array.from({ length: planned }, () => planKill(draw, hazards)),
      phases: Array.from({ length: draw.integer(3, 4) }, (_, index) => planPhase(draw, index === 0, hazards)),
    });
    first = until;
  }
  return { waves };
}

/** The size of the next wave: as drawn, unless it would leave too few runs for one more. */
function waveOf(drawn: number, left: number, [least, most]: readonly [number, number]): number {
  if (left <= most) return left;
  return left - drawn < least ? Math.ceil(left / 2) : drawn;
}

/** Every fifth run has a budget that does not pay for all, every fifth is cancelled; which, is drawn for the first five. */
function planRun(draw: Draw, index: number, hazards: Hazards): RunPlan {
  const affordable = draw.integer(...hazards.affordable);
  const cancel = { after: draw.one(['start', 'train', 'train'] as const), ms: draw.integer(500, 8000) };
  const kind = (index + draw.offset) % 5;
  return {
    name: `chaos-${String(index + 1).padStart(3, '0')}`,
    rows: draw.integer(60, 90),
    seed: draw.integer(1, 1_000_000),
    startAfterMs: draw.integer(0, 8000),
    affordable: kind === 1 ? affordable : null,
    cancel: kind === 2 ? cancel : null,
  };
}

function planKill(draw: Draw, { aims }: Hazards): KillPlan {
  const delay = { kind: 'delay', ms: draw.integer(500, 3500) } as const;
  const entry = {
    kind: 'entry',
    endpoint: draw.one(aims),
    hanging: draw.chance(0.5),
    nth: draw.integer(1, 3),
  } as const;
  const byDelay = draw.chance(0.4);
  return {
    target: draw.chance(0.15) ? 'server' : 'worker',
    trigger: byDelay ? delay : entry,
    downMs: draw.integer(0, 1000),
  };
}

interface Fault {
  endpoint: FaultRule['endpoint'];
  probability: number;
  /** Whether it always exists when a wave begins: uploads and creations of unknown outcome. */
  always?: boolean;
  effects: readonly Effect[];
}

/** The faults of the trainer, and their frequency. */
const TRAINER_FAULTS: readonly Fault[] = [
  // First, because a delay adds to later effects.
  {
    endpoint: '*',
    probability: 0.1,
    effects: [
      { kind: 'latency', ms: 200 },
      { kind: 'latency', ms: 1000 },
    ],
  },
  {
    endpoint: 'jobs.create',
    probability: 0.2,
    always: true,
    effects: [
      { kind: 'execute_then_reset' },
      { kind: 'execute_then_status', status: 500 },
      { kind: 'execute_then_status', status: 503, headers: { 'retry-after': '1' } },
    ],
  },
  {
    endpoint: 'jobs.create',
    probability: 0.2,
    always: true,
    effects: [
      { kind: 'execute_then_hang', seconds: 4 },
      { kind: 'execute_then_hang', seconds: 8 },
    ],
  },
  {
    endpoint: 'files.create',
    probability: 0.4,
    always: true,
    effects: [
      { kind: 'execute_then_reset' },
      { kind: 'execute_then_status', status: 500 },
      { kind: 'execute_then_hang', seconds: 5 },
      { kind: 'reset_upload', after_bytes: 1000 },
    ],
  },
  {
    endpoint: 'jobs.create',
    probability: 0.3,
    effects: [
      { kind: 'model_ready_after', seconds: 4, status: 404 },
      { kind: 'model_ready_after', seconds: 4, status: 429 },
      { kind: 'model_ready_after', seconds: 3, null_model: true },
    ],
  },
  {
    endpoint: 'jobs.create',
    probability: 0.15,
    effects: [
      { kind: 'job_status', status: 'queued' },
      { kind: 'job_status', status: 'resting' },
    ],
  },
  {
    endpoint: 'jobs.list',
    probability: 0.5,
    effects: [
      { kind: 'list_lag', seconds: 1 },
      { kind: 'list_lag', seconds: 2 },
    ],
  },
  {
    endpoint: 'jobs.cancel',
    probability: 0.4,
    effects: [
      { kind: 'status', status: 500 },
      { kind: 'execute_then_status', status: 500 },
      { kind: 'execute_then_reset' },
    ],
  },
  {
    endpoint: 'chat',
    probability: 0.03,
    effects: [
      { kind: 'status', status: 503 },
      { kind: 'execute_then_reset' },
      { kind: 'execute_then_hang', seconds: 3 },
    ],
  },
  {
    endpoint: '*',
    probability: 0.05,
    effects: [{ kind: 'status', status: 429, code: 'rate_limit_exceeded', headers: { 'retry-after': '1' } }],
  },
  { endpoint: '*', probability: 0.03, effects: [{ kind: 'reset' }] },
];

export const TRAINER_HAZARDS: Hazards = {
  faults: TRAINER_FAULTS.map(({ endpoint, probability, always = false, effects }) => ({
    always,
    choices: effects.map((effect) => ({ endpoint, probability, effect })),
  })),
  aims: ['jobs.create', 'jobs.create', 'jobs.create', 'files.create', 'jobs.cancel', 'chat'],
  affordable: [2, 6],
};

function planPhase(draw: Draw, first: boolean, { faults }: Hazards): FaultPhase {
  const drawn = faults.map(({ choices, always = false }) => ({
    rule: draw.one(choices),
    taken: draw.chance(0.6) || (first && always),
  }));
  return {
    seed: draw.integer(1, 1_000_000),
    ms: draw.integer(12_000, 20_000),
    rules: drawn.filter(({ taken }) => taken).map(({ rule }) => rule),
  };
}

/** Choices from one seeded generator. */
export class Draw {
  readonly #random: () => number;
  /** Drawn first: moves what repeats in a fixed order. */
  readonly offset: number;

  constructor(seed: number) {
    this.#random = randomShares(spread(seed));
    this.offset = this.integer(0, 4);
  }

  /** From least to most, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  one<T>(choices: readonly T[]): T {
    const choice = choices[this.integer(0, choices.length - 1)];
    if (choice === undefined) throw new RangeError('nothing to choose from');
    return choice;
  }
}
