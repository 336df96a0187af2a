import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Context } from '@temporalio/activity';
import type { Arm } from '@tuneloop/app/internal/predict/alias';
import { metadataOfDeployment, readServedCall, type ServedCall } from '@tuneloop/app/internal/predict/served-call';
import { z } from 'zod';
import type { Actual, LogRow } from '../core/dataset/row.ts';
import { type ArmTally, emptyTally, latencyClass } from '../core/deployment/canary.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { originalProvider, type Pipeline } from '../core/run/pipeline.ts';
import type { Cursor } from '../core/run/snapshot.ts';
import { openSource } from '../sources/open-source.ts';
import { writeFileAtomically } from '../stores/files.ts';
import { canaryFile } from '../stores/home.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';
import { reportStep } from './support/step-progress.ts';

export interface ReadCanaryInput {
  /** The definition of the challenger, whose source is the log to read. */
  definition: ArtifactRef;
  /** Name of the deployment. */
  deployment: string;
  /** Number of the decision that began the stage; calls under earlier aliases are not counted. */
  stage: number;
  /** The control of the canary. */
  control: Exclude<Arm, 'canary'>;
}

/** The tallies of the stage so far. */
export interface CanaryTallies {
  canary: ArmTally;
  control: ArmTally;
}

const tallySchema = z.object({
  calls: z.number(),
  errors: z.number(),
  invalid: z.number(),
  latencies: z.record(z.coerce.number(), z.number()),
  judged: z.object({ n: z.number(), right: z.number() }),
});

const lookSchema = z.object({
  stage: z.number(),
  cursor: z.looseObject({ type: z.string() }),
  canary: tallySchema,
  control: tallySchema,
  /** Answers that have no judgement yet: id, whether the canary gave it, and the hash of its text. */
  open: z.array(z.tuple([z.string(), z.boolean(), z.string()])),
});
type Look = z.infer<typeof lookSchema>;

/** Judgements of answers older than this are no longer expected. */
const OPEN_KEPT = 50_000;
/** Texts with at least this rating, 0 to 1, count as right. */
const RIGHT = 0.5;
const HEARTBEAT_ROWS = 5000;

/**
 * Reads the rows about a canary that the log has gained since the last look. The findings so far, and the position in the log, are kept
 * beside the aliases, so that a look reads only new rows.
 */
export function createReadCanary(dependencies: Dependencies) {
  return async (input: ReadCanaryInput): Promise<CanaryTallies> => {
    const { home } = dependencies;
    const pipeline = await loadPipeline(dependencies, input.definition);
    // Training may be filtered by model or metadata; the canary counts all calls of the deployment.
    const filter = { metadata: metadataOfDeployment(input.deployment) };
    const source = openSource(
      { ...pipeline.source, filter },
      { provider: () => dependencies.connectProvider(originalProvider(pipeline)) },
    );
    const file = canaryFile(home, input.deployment);
    const before = await readLook(file);
    const reading = await source.read(before?.cursor ?? null, Context.current().cancellationSignal);
    const known = before?.stage === input.stage && !reading.anew ? before : null;
    const tallies = new Tallies(input, pipeline.task, known);
    let rows = 0;
    for await (const item of reading.items) {
      rows += 1;
      if (rows % HEARTBEAT_ROWS === 0) reportStep('read the log', rows);
      if (item.kind === 'row') tallies.add(item.row);
      else if (item.kind === 'actual') tallies.judge(item.actual);
    }
    const look = tallies.look(reading.cursor());
    await writeFileAtomically(file, `${JSON.stringify(look)}\n`);
    return { canary: look.canary, control: look.control };
  };
}

/** Null where there is none, or none that can be read: then everything is read again. */
async function readLook(file: string): Promise<Look | null> {
  try {
    return lookSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return null;
  }
}

/** The deciding part of an answer or a judgement, as a hash, so that neither long nor secret texts are kept. */
interface Answer {
  isCanary: boolean;
  sha256: string;
}
interface Judgement {
  sha256: string | null;
  quality: number | null;
}

class Tallies {
  readonly #input: ReadCanaryInput;
  readonly #task: Pipeline['task'];
  readonly #canary: ArmTally;
  readonly #control: ArmTally;
  readonly #open: Map<string, Answer>;
  /** The files of a log are read by name, so a judgement may be read before its answer. */
  readonly #early = new Map<string, Judgement>();

  constructor(input: ReadCanaryInput, task: Pipeline['task'], before: Look | null) {
    this.#input = input;
    this.#task = task;
    this.#canary = before?.canary ?? emptyTally();
    this.#control = before?.control ?? emptyTally();
    this.#open = new Map(before?.open.map(([id, isCanary, sha256]) => [id, { isCanary, sha256 }]));
  }

  add(row: LogRow): void {
    const call = readServedCall(row.metadata);
    if (!call || call.decision < this.#input.stage) return;
    const tally = this.#tallyOf(call.arm);
    // A prompt that follows no known template is no fault of a model.
    if (!tally || call.outcome === 'unfit') return;
    tally.calls += 1;
    if (call.outcome === 'error' || call.outcome === 'shutdown') tally.errors += 1;
    if (call.outcome === 'invalid') tally.invalid += 1;
    this.#time(tally, call);
    if (call.answeredBy !== call.arm || row.completion === undefined) return;
    setBounded(this.#open, row.id, { isCanary: call.arm === 'canary', sha256: hashOf(row.completion) });
    const early = this.#early.get(row.id);
    if (early) this.#settle(row.id, early);
    this.#settle(row.id, judgementOf(row));
  }

  judge(actual: Actual): void {
    const { id } = actual;
    if (this.#open.has(id)) this.#settle(id, judgementOf(actual));
    else setBounded(this.#early, id, judgementOf(actual));
  }

  #settle(id: string, { sha256, quality }: Judgement): void {
    const answer = this.#open.get(id);
    const said = this.#task === 'classification' ? sha256 : quality;
    if (!answer || said === null) return;
    this.#open.delete(id);
    const { judged } = answer.isCanary ? this.#canary : this.#control;
    judged.n += 1;
    if (typeof said === 'string' ? said === answer.sha256 : said >= RIGHT) judged.right += 1;
  }

  look(cursor: Cursor): Look {
    return {
      stage: this.#input.stage,
      cursor,
      canary: this.#canary,
      control: this.#control,
      open: Array.from(this.#open, ([id, { isCanary, sha256 }]) => [id, isCanary, sha256]),
    };
  }

  #tallyOf(arm: Arm): ArmTally | null {
    if (arm === 'canary') return this.#canary;
    return arm === this.#input.control ? this.#control : null;
  }

  /** A call that fails quickly shows nothing about the speed of its model. */
  #time({ latencies }: ArmTally, { outcome, armLatencyMs }: ServedCall): void {
    if (armLatencyMs === null || (outcome !== 'ok' && outcome !== 'invalid')) return;
    const latency = latencyClass(armLatencyMs);
    latencies[latency] = (latencies[latency] ?? 0) + 1;
  }
}

/** Keeps the newest entries. */
function setBounded<Value>(map: Map<string, Value>, id: string, value: Value): void {
  map.delete(id);
  map.set(id, value);
  const [oldest] = map.keys();
  if (map.size > OPEN_KEPT && oldest !== undefined) map.delete(oldest);
}

function judgementOf({ actual, quality }: Pick<Actual, 'actual' | 'quality'>): Judgement {
  return { sha256: actual === undefined ? null : hashOf(actual), quality: quality ?? null };
}

function hashOf(text: string): string {
  return hash('sha256', text.trim(), 'base64url');
}
