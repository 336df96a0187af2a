import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Context } from '@temporalio/activity';
import { z } from 'zod';
import type { Pipeline } from '../config/pipeline.ts';
import type { Actual, LogRow } from '../dataset/row.ts';
import type { Arm } from '../deployment/alias.ts';
import { type ArmTally, emptyTally, latencyClass } from '../deployment/canary.ts';
import { readServedCall, type ServedCall } from '../deployment/served-call.ts';
import { openSource } from '../sources/open-source.ts';
import type { Cursor } from '../sources/source.ts';
import type { ArtifactRef } from '../storage/artifact-store.ts';
import { fileName, writeFileAtomically } from '../storage/run-folder.ts';
import { type Dependencies, loadPipeline } from './dependencies.ts';
import { reportStep } from './step-progress.ts';

export interface ReadCanaryInput {
  /** Of the challenger: its source is the log that is read. */
  definition: ArtifactRef;
  /** Name of the deployment. */
  deployment: string;
  /** Number of the decision that began the stage; calls that earlier aliases have served are not counted. */
  stage: number;
  /** Whom the canary is compared with. */
  control: Exclude<Arm, 'canary'>;
}

/** How the calls of a stage went so far. */
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
  /** Answers that nobody has judged yet: id, whether it is of the canary, and for classification the label. */
  open: z.array(z.tuple([z.string(), z.boolean(), z.string()])),
});
type Look = z.infer<typeof lookSchema>;

/** Older answers than these are not waited for. */
const OPEN_KEPT = 50_000;
const HEARTBEAT_ROWS = 5000;

/**
 * Reads what the log has of a canary since the last look. What the looks have found so far, and how far they have read, is
 * kept beside the aliases, so that a look reads only what is new.
 */
export function createReadCanary(dependencies: Dependencies) {
  return async (input: ReadCanaryInput): Promise<CanaryTallies> => {
    const { home } = dependencies;
    const pipeline = await loadPipeline(dependencies, input.definition);
    const source = openSource(pipeline.source, { provider: () => dependencies.connectProvider(pipeline.provider) });
    const file = path.join(home, 'deployments', fileName(input.deployment), 'canary.json');
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

class Tallies {
  readonly #input: ReadCanaryInput;
  readonly #task: Pipeline['task'];
  readonly #canary: ArmTally;
  readonly #control: ArmTally;
  readonly #open: Map<string, { isCanary: boolean; label: string }>;

  constructor(input: ReadCanaryInput, task: Pipeline['task'], before: Look | null) {
    this.#input = input;
    this.#task = task;
    this.#canary = before?.canary ?? emptyTally();
    this.#control = before?.control ?? emptyTally();
    this.#open = new Map(before?.open.map(([id, isCanary, label]) => [id, { isCanary, label }]));
  }

  add(row: LogRow): void {
    const call = readServedCall(row.metadata);
    if (!call || call.deployment !== this.#input.deployment || call.decision < this.#input.stage) return;
    const tally = this.#tallyOf(call.arm);
    // A prompt that follows no known template is no fault of any model.
    if (!tally || call.outcome === 'unfit') return;
    tally.calls += 1;
    if (call.outcome === 'error' || call.outcome === 'shutdown') tally.errors += 1;
    if (call.outcome === 'invalid') tally.invalid += 1;
    this.#time(tally, call);
    if (call.answeredBy !== call.arm || row.completion === undefined) return;
    const isCanary = call.arm === 'canary';
    this.#open.set(row.id, { isCanary, label: this.#task === 'classification' ? row.completion.trim() : '' });
    if (this.#open.size > OPEN_KEPT) for (const id of this.#open.keys()) return void this.#open.delete(id);
    if (row.actual !== undefined || row.quality !== undefined) this.judge(row);
  }

  judge({ id, actual, quality }: Actual): void {
    const answer = this.#open.get(id);
    if (!answer) return;
    const right = this.#task === 'classification' ? rightLabel(answer.label, actual) : rightText(quality);
    if (right === null) return;
    this.#open.delete(id);
    const { judged } = answer.isCanary ? this.#canary : this.#control;
    judged.n += 1;
    if (right) judged.right += 1;
  }

  look(cursor: Cursor): Look {
    return {
      stage: this.#input.stage,
      cursor,
      canary: this.#canary,
      control: this.#control,
      open: Array.from(this.#open, ([id, { isCanary, label }]) => [id, isCanary, label]),
    };
  }

  #tallyOf(arm: Arm): ArmTally | null {
    if (arm === 'canary') return this.#canary;
    return arm === this.#input.control ? this.#control : null;
  }

  /** How soon a call fails says nothing about how fast its model answers. */
  #time({ latencies }: ArmTally, { outcome, armLatencyMs }: ServedCall): void {
    if (armLatencyMs === null || (outcome !== 'ok' && outcome !== 'invalid')) return;
    const latency = latencyClass(armLatencyMs);
    latencies[latency] = (latencies[latency] ?? 0) + 1;
  }
}

/** Null where nobody has said what is right. */
function rightLabel(label: string, actual: string | undefined): boolean | null {
  return actual === undefined ? null : actual.trim() === label;
}

/** What people rate as more good than bad; null where nobody has. */
function rightText(quality: number | undefined): boolean | null {
  return quality === undefined ? null : quality >= 0.5;
}
