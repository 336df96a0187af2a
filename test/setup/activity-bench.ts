import { Writable } from 'node:stream';
import type { Info } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import OpenAI from 'openai';
import type { FineTuningJob } from 'openai/resources/fine-tuning/jobs/jobs';
import { pino } from 'pino';
import type { FaultRule } from '../../packages/local-trainer/src/faults/fault-plan.ts';
import type { LedgerEntry, RequestEntry } from '../../packages/local-trainer/src/faults/ledger.ts';
import { startTrainer, type Trainer } from '../../packages/local-trainer/src/server.ts';
import { createActivities } from '../../src/activities/create-activities.ts';
import type { Dependencies } from '../../src/activities/support/dependencies.ts';
import { jobIdentity } from '../../src/activities/support/job-input.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import type { ArtifactRef } from '../../src/core/run/artifact-ref.ts';
import type { JobInput } from '../../src/core/run/job-input.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { providerAt } from '../providers/provider-at.ts';
import { temporaryHome } from './cli.ts';
import { STACK_PRICES } from './stack.ts';

type Activities = ReturnType<typeof createActivities>;

export interface BenchOptions {
  /** The time that activities wait for a new job to show, and for an answer. */
  settlingMs?: number;
  timeoutMs?: number;
  jobSeconds?: number;
  deadlines?: Record<string, number>;
  /** Where the provider is; default: a trainer of its own that fails on purpose. */
  baseURL?: string;
}

/** Activities as a worker runs them, one attempt at a time, against a trainer that fails on purpose. */
export class ActivityBench {
  readonly artifacts: FileStore;
  /** The log of the activities, one object a line. */
  readonly log: Record<string, unknown>[] = [];
  readonly openai: OpenAI;
  readonly #trainer: Trainer;
  readonly activities: Activities;
  readonly #remove: () => void;
  #definition: ArtifactRef | undefined;
  #trainingFile = '';
  #candidates = 0;

  static async start(options: BenchOptions = {}): Promise<ActivityBench> {
    const { home, remove } = temporaryHome();
    const { jobSeconds } = options;
    const trainer = await startTrainer({
      dir: home,
      faults: true,
      ...(jobSeconds === undefined ? {} : { jobSeconds }),
    });
    const bench = new ActivityBench({ ...options, baseURL: options.baseURL ?? trainer.baseURL }, trainer, home, remove);
    const pipeline = pipelineSchema.parse({
      name: 'bench',
      task: 'classification',
      source: { type: 'jsonl', path: 'log.jsonl' },
      candidates: { models: ['local-nano'] },
      ...(options.deadlines ? { deadlines: options.deadlines } : {}),
    });
    bench.#definition = await writeJson(bench.artifacts, pipeline);
    const rows = Array.from({ length: 12 }, (_, index) =>
      JSON.stringify({
        messages: [
          { role: 'user', content: `parcel ${index} is late` },
          { role: 'assistant', content: index % 2 === 0 ? 'shipping' : 'refund' },
        ],
      }),
    );
    const file = new File([rows.join('\n')], 'train.jsonl');
    bench.#trainingFile = (await bench.openai.files.create({ file, purpose: 'fine-tune' })).id;
    return bench;
  }

  private constructor(options: BenchOptions & { baseURL: string }, trainer: Trainer, home: string, remove: () => void) {
    const { baseURL, settlingMs = 300, timeoutMs = 5000 } = options;
    this.artifacts = new FileStore(home);
    this.openai = new OpenAI({ baseURL: trainer.baseURL, apiKey: 'any', maxRetries: 0 });
    this.#trainer = trainer;
    this.#remove = remove;
    const sink = new Writable({
      write: (line: Buffer, _encoding, done) => {
        this.log.push(JSON.parse(`${line}`));
        done();
      },
    });
    const provider = providerAt(baseURL, { apiKey: 'key-of-the-bench', settlingMs, timeoutMs });
    const dependencies: Dependencies = {
      artifacts: this.artifacts,
      home,
      prices: STACK_PRICES,
      connectProvider: () => provider,
      // No activity of the bench asks the server.
      temporal: {} as Client,
      monthlyBudgetUsd: null,
      log: pino(sink),
    };
    this.activities = createActivities(dependencies);
  }

  get definition(): ArtifactRef {
    if (!this.#definition) throw new Error('the bench was not started');
    return this.#definition;
  }

  /** One attempt of an activity. It throws the error that Temporal would get. */
  run<Name extends keyof Activities>(
    name: Name,
    input: Parameters<Activities[Name]>[0],
    info: Partial<Info> = {},
  ): Promise<Awaited<ReturnType<Activities[Name]>>> {
    return this.environment(info).run(this.activities[name] as (input: unknown) => Promise<never>, input);
  }

  environment(info: Partial<Info> = {}): MockActivityEnvironment {
    // The tests cause failures, so nothing is logged.
    return new MockActivityEnvironment(
      { workflowExecution: { workflowId: 'bench/run/job', runId: 'execution' }, ...info },
      { logger: new DefaultLogger('ERROR') },
    );
  }

  /** The input of a candidate that no other test has. */
  jobInput(changes: Partial<JobInput> = {}): JobInput {
    this.#candidates += 1;
    return {
      definition: this.definition,
      runId: 'bench/run',
      datasetVersion: '0123456789abcdef',
      candidate: {
        id: `candidate-${this.#candidates}`,
        baseModel: 'local-nano',
        hyperparameters: { learningRateMultiplier: 1, epochs: 1 },
        treatment: 'strip',
      },
      generation: 1,
      trainingFile: this.#trainingFile,
      validationFile: this.#trainingFile,
      ...changes,
    };
  }

  async setFaults(...rules: FaultRule[]): Promise<void> {
    const response = await fetch(new URL('/_faults', this.#trainer.baseURL), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ seed: 7, rules }),
    });
    if (!response.ok) throw new Error(await response.text());
  }

  async ledger(): Promise<LedgerEntry[]> {
    const response = await fetch(new URL('/_ledger', this.#trainer.baseURL));
    return ((await response.json()) as { entries: LedgerEntry[] }).entries;
  }

  async requests(endpoint: RequestEntry['endpoint']): Promise<RequestEntry[]> {
    return (await this.ledger()).filter(
      (entry): entry is RequestEntry => entry.kind === 'request' && entry.endpoint === endpoint,
    );
  }

  /** The jobs of a candidate, oldest first, also those that the plan hides. */
  async jobsOf(input: JobInput): Promise<FineTuningJob[]> {
    const { key } = jobIdentity(input);
    const ids = (await this.ledger()).flatMap((entry) =>
      entry.kind === 'job' && entry.key === key ? [entry.job] : [],
    );
    return Promise.all([...new Set(ids)].map((id) => this.openai.fineTuning.jobs.retrieve(id)));
  }

  /** A job of a candidate's identity, as another attempt would have created it. */
  createJob(input: JobInput, { metadata = true }: { metadata?: boolean } = {}): Promise<FineTuningJob> {
    const { key, seed, baseModel, trainingFile } = jobIdentity(input);
    return this.openai.fineTuning.jobs.create({
      model: baseModel,
      training_file: trainingFile,
      seed,
      ...(metadata ? { metadata: { tuneloop_key: key } } : {}),
    });
  }

  async stop(): Promise<void> {
    await this.#trainer.close();
    this.#remove();
  }
}

/** The rejection of a promise. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  const nothing = Symbol('nothing');
  const reason: unknown = await work.then(
    () => nothing,
    (error: unknown) => error,
  );
  if (reason === nothing) throw new Error('it did not fail');
  return reason;
}
