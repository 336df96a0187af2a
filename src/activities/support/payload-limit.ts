import { TuneloopError } from '../../errors.ts';

/** Workflows carry references and summaries: what is larger than this is data, and belongs into an artifact. */
const LARGEST_BYTES = 64 * 1024;

/**
 * What grows with the sweep and is written once a run: at 1,000 candidates a plan has about 270 kB, and a report, with a
 * reason for each lost candidate, up to 870 kB. Half of the 2 MiB that Temporal's server takes at most.
 */
const LARGER = new Map([
  ['plan', 1024 * 1024],
  ['writeReport', 1024 * 1024],
]);

/**
 * Refuses what an activity was given, or what it is about to return, if it is too large for a history. Temporal itself
 * would try an activity with an oversize result again, however much each attempt costs.
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
