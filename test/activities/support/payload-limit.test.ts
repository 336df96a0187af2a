import { refuseOversize } from '../../../src/activities/support/payload-limit.ts';
import type { PlannedCandidate } from '../../../src/core/run/run-plan.ts';
import { summarizeRun } from '../../../src/core/run/summarize-run.ts';
import { sampleOutcome, sampleParts } from '../../report/sample-run.ts';

const KIB = 1024;
/** A value whose JSON has this many bytes. */
const valueWith = (bytes: number) => 'x'.repeat(bytes - 2);

test.each(['input', 'result'] as const)('the %s of an activity may have 64 KiB, and no byte more', (what) => {
  expect(() => refuseOversize('createJob', what, valueWith(64 * KIB))).not.toThrow();
  expect(() => refuseOversize('createJob', what, valueWith(64 * KIB + 1))).toThrow(
    new RegExp(`the ${what} of createJob has 65537 bytes and at most 65536 are allowed`),
  );
});

test('bytes are counted, and not characters', () => {
  expect(() => refuseOversize('collect', 'result', 'é'.repeat(40 * KIB))).toThrow(/has 81922 bytes/);
});

test('an undefined value is no payload', () => {
  expect(() => refuseOversize('collect', 'result', undefined)).not.toThrow();
});

test('plan and report of the largest sweep that a pipeline may ask for are let through', () => {
  const model = 'gpt-4.1-mini-2025-04-14';
  const outcomes = Array.from({ length: 1000 }, (_, index) => {
    const candidate: PlannedCandidate = {
      id: `${model}-lr${(index / 7).toFixed(15)}-e50-b256`,
      baseModel: model,
      hyperparameters: { learningRateMultiplier: index / 7, epochs: 50, batchSize: 256 },
      treatment: 'keep-instructions',
      reserve: { trainingUsd: 1 / 3, evaluationUsd: 1 / 7 },
    };
    const jobId = `ftjob-${'a'.repeat(24)}`;
    // All but one are lost, each with the longest reason that a provider can give.
    return index === 0
      ? sampleOutcome(candidate.id, { candidate })
      : sampleOutcome(candidate.id, {
          candidate,
          job: { state: 'failed', jobId, reason: 'x'.repeat(500), trainingUsd: 1 / 3, pause: null },
          contenders: [],
        });
  });
  const plan = { candidates: outcomes.map(({ candidate }) => candidate), estimate: sampleParts().plan.estimate };
  expect(() => refuseOversize('plan', 'result', plan)).not.toThrow();
  expect(() => refuseOversize('writeReport', 'input', summarizeRun(sampleParts({ outcomes })))).not.toThrow();
});
