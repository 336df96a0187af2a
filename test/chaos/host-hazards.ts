import type { ProviderProfile } from '../../src/providers/profile.ts';
import type { FaultInput } from '../hosts/faults.ts';
import type { Hazards } from './plan.ts';

type On = FaultInput['on'];
type Effect = FaultInput['effect'];

function rules(on: On, probability: number, ...effects: Effect[]): FaultInput[] {
  return effects.map((effect) => ({ on, probability, effect }));
}

/** It is done, and its client does not hear of it, or hears an error. */
const LOST: Effect[] = [
  { kind: 'lose_answer' },
  { kind: 'status', status: 500, executed: true },
  { kind: 'status', status: 503, executed: true, retryAfterSeconds: 1 },
];

const BUSY: Effect = { kind: 'status', status: 429, code: 'rate_limit_exceeded', retryAfterSeconds: 1 };

const LEASES: Hazards['faults'] = [
  { always: true, choices: rules('leases.create', 0.4, ...LOST, { kind: 'late_answer', ms: 3000 }) },
  { choices: rules('leases.create', 0.5, { kind: 'ready_after', ms: 2000 }, { kind: 'ready_after', ms: 6000 }) },
  { choices: rules('leases.create', 0.04, { kind: 'lease_fails' }) },
  { choices: rules('leases.create', 0.2, BUSY, { kind: 'status', status: 503 }) },
  { choices: rules('leases.create', 0.6, { kind: 'list_lag', ms: 800 }, { kind: 'list_lag', ms: 1500 }) },
  { choices: rules('leases.load', 0.3, ...LOST, { kind: 'ready_after', ms: 2000 }) },
  { choices: rules('leases.get', 0.1, BUSY, { kind: 'status', status: 502 }, { kind: 'reset' }) },
  { choices: rules('leases.list', 0.1, BUSY, { kind: 'status', status: 502 }, { kind: 'reset' }) },
  { always: true, choices: rules('leases.delete', 0.4, BUSY, ...LOST, { kind: 'status', status: 500 }) },
];

/** What may go wrong at a host, and its frequency. */
export function hostHazards({ serving }: ProviderProfile): Hazards {
  const leases = serving.lease ? ['leases.create', 'leases.create', 'leases.delete'] : [];
  return {
    faults: [
      { choices: rules('*', 0.1, { kind: 'latency', ms: 200 }, { kind: 'latency', ms: 1000 }) },
      { always: true, choices: rules('jobs.create', 0.3, ...LOST) },
      { always: true, choices: rules('jobs.create', 0.3, { kind: 'late_answer', ms: 4000 }) },
      { choices: rules('jobs.create', 0.5, { kind: 'list_lag', ms: 800 }, { kind: 'list_lag', ms: 1500 }) },
      { choices: rules('jobs.create', 0.3, { kind: 'model_late', ms: 3000 }) },
      { always: true, choices: rules('files.create', 0.3, ...LOST, { kind: 'late_answer', ms: 3000 }) },
      { choices: rules('jobs.cancel', 0.4, { kind: 'status', status: 500 }, BUSY, ...LOST) },
      {
        choices: rules(
          'chat',
          0.03,
          { kind: 'status', status: 503 },
          { kind: 'lose_answer' },
          { kind: 'late_answer', ms: 3000 },
        ),
      },
      ...(serving.lease ? LEASES : []),
      { choices: rules('*', 0.05, BUSY) },
      { choices: rules('*', 0.03, { kind: 'reset' }) },
    ],
    aims: ['jobs.create', 'jobs.create', 'jobs.create', 'files.create', 'jobs.cancel', 'chat', ...leases],
    affordable: [1, 3],
  };
}
