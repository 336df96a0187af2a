import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { randomShares } from '@tuneloop/app/internal/shared/random';
import { readLine } from '../contract/stored/format.ts';
import { MANIFEST } from '../contract/stored/manifest.ts';
import { EXAMPLE } from '../contract/stored/rows.ts';
import type { Drift } from '../core/dataset/drift.ts';
import type { Manifest } from '../core/dataset/manifest.ts';
import type { Example } from '../core/dataset/row.ts';
import { SIDES } from '../core/dataset/side.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { DriftSample, driftRow, measureDrift } from '../data/drift/drift.ts';
import { canonicalInput } from '../data/split/near-duplicates.ts';
import type { ArtifactStore } from '../stores/artifact-store.ts';
import { loadStored } from '../stores/stored-objects.ts';
import type { Dependencies } from './support/dependencies.ts';
import { reportStep } from './support/step-progress.ts';

export interface CompareDataInput {
  /** The newest dataset version. */
  manifest: ArtifactRef;
  /** The version that the newest run used. */
  since: ArtifactRef;
}

export interface ComparedData {
  /** Examples of the newest version whose input is new. */
  newExamples: number;
  /** Examples of the other version. */
  examples: number;
  /** Null where there are too few new ones. */
  drift: Drift | null;
  /** Some of the new examples, on which the champion may be asked. */
  fresh: ArtifactRef;
}

/** Fewer examples than these are too few to decide about drift. */
const FEWEST_NEW = 30;
/** The champion is asked for at most this many: enough for an interval of 6 points either way. */
const MOST_FRESH = 300;
const HEARTBEAT_ROWS = 5000;
const SEED = 1;

/**
 * The examples that a dataset version has and an older one lacks, and whether they are of another kind. Inputs are compared after
 * redaction.
 */
export function createCompareData({ artifacts }: Dependencies) {
  return async ({ manifest, since }: CompareDataInput): Promise<ComparedData> => {
    const [now, before] = [
      await loadStored(MANIFEST, artifacts, manifest),
      await loadStored(MANIFEST, artifacts, since),
    ];
    const known = new Set<string>();
    const old = new DriftSample(SEED);
    for await (const { example, key } of examplesOf(artifacts, before)) {
      known.add(key);
      old.add(() => rowOf(example, before));
    }
    const fresh = new DriftSample(SEED);
    const chosen = new Chosen();
    let newExamples = 0;
    for await (const { example, key, text } of examplesOf(artifacts, now)) {
      if (known.has(key)) continue;
      newExamples += 1;
      fresh.add(() => rowOf(example, now));
      chosen.add(text);
    }
    return {
      newExamples,
      examples: SIDES.reduce((sum, side) => sum + before.counts[side], 0),
      drift: newExamples < FEWEST_NEW ? null : await measureDrift(old.rows, fresh.rows, pause),
      fresh: await artifacts.write(chosen.texts),
    };
  };
}

/** Lets the worker's other activities run, and ends with the activity. */
async function pause(): Promise<void> {
  await setImmediate();
  Context.current().cancellationSignal.throwIfAborted();
}

function rowOf({ input, completion }: Example, { labels }: Manifest) {
  return driftRow(input, labels ? completion.trim() : null);
}

async function* examplesOf(
  artifacts: ArtifactStore,
  { examples }: Manifest,
): AsyncGenerator<{ example: Example; key: string; text: string }> {
  let rows = 0;
  for (const side of SIDES) {
    for await (const text of artifacts.rows(examples[side])) {
      rows += 1;
      if (rows % HEARTBEAT_ROWS === 0) reportStep('compare with older data', rows);
      const example = readLine(EXAMPLE, text, examples[side].uri);
      const key = createHash('sha256').update(canonicalInput(example.input)).digest('base64').slice(0, 22);
      yield { example, key, text };
    }
  }
}

/** A random sample of a stream. */
class Chosen {
  readonly texts: string[] = [];
  readonly #random = randomShares(SEED);
  #seen = 0;

  add(text: string): void {
    this.#seen += 1;
    const place = this.texts.length < MOST_FRESH ? this.texts.length : Math.floor(this.#random() * this.#seen);
    if (place < MOST_FRESH) this.texts[place] = text;
  }
}
