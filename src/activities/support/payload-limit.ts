import { TuneloopError } from '../../errors.ts';

/** Workflows carry references and summaries: anything larger is data and belongs in an artifact. */
const LARGEST_BYTES = 64 * 1024;

/**
 * The limit for payloads that grow with the sweep and are written once a run: at 1,000 candidates a plan has about 270 kB, and a report,
 * with a reason for each lost candidate, up to 870 kB. It is half of the 2 MiB that Temporal's server accepts at most.
 */
const LARGER = new Map([
  ['plan', 1024 * 1024],
  ['writeReport', 1024 * 1024],
]);

/**
 * Refuses the input or the result of an activity that is too large for a history. Temporal itself would retry an activity with an oversize
 * result, however much each attempt costs.
 *
 * @throws TuneloopError PAYLOAD_TOO_LARGE
 */
export function refuseOversize(activity: string, what: 'input' | 'result', value: unknown): void {
  const limit = LARGER.get(activity) ?? LARGEST_BYTES;
  const bytes = Buffer.byteLength(JSON.stringify(value) ?? '');
  if (bytes <= limit) return;
  throw new TuneloopError(
    'PAYLOAD_TOO_LARGE',
    `the ${what} of ${activity} has ${bytes} bytes and at most ${limit} are allowed: ${
      what === 'input' ? 'nothing was done with it' : 'it was not kept'
    }, and no attempt would change it`,
  );
}
