import type { ListedPrice } from '../../src/core/evaluation/cost.ts';
import { Engine } from './engine.ts';
import { effectOf, Faults } from './faults.ts';
import { Files } from './files.ts';
import type { Answer, Call, Front } from './front.ts';
import { type HostServer, serve } from './http.ts';
import { hasEnded, Jobs } from './jobs.ts';
import { type HostLease, Leases } from './leases.ts';
import { duplicatesIn, type HostLedger, jobKey, type RequestEntry } from './ledger.ts';
import { type HostModel, Models } from './models.ts';
import { Schemas, type Violation } from './schemas.ts';
import { Tariff } from './tariff.ts';

export interface HostOptions {
  /** The port on 127.0.0.1; any free one by default. */
  port: number;
  /** Every request has to carry it. */
  apiKey: string;
  /** Stretches each job to about this many seconds; as fast as it trains by default. */
  jobSeconds: number | undefined;
  /** By the names of base models; those of the product's price list by default. */
  prices: Readonly<Record<string, ListedPrice>> | undefined;
  /** The hours of a lease pass this many times as fast. */
  clockFactor: number;
  /** How long a lease takes until it is ready, in milliseconds. */
  leaseReadyMs: number;
  /** How long the model of a job that has succeeded is missing, in milliseconds. */
  modelLateMs: number;
  /** How long a new job is missing from the list, in milliseconds. */
  listLagMs: number;
  /** Fields of a job that it takes and does not keep. */
  forgets: readonly ('metadata' | 'seed' | 'suffix')[];
  /** Ids of base models, for a profile that names none. */
  bases: readonly string[];
  /** A trainer that several hosts share: whoever started it closes it. By default each host starts one of its own. */
  engine: Engine | undefined;
}

export const DEFAULT_KEY = 'test-key';

const DEFAULTS: HostOptions = {
  port: 0,
  apiKey: DEFAULT_KEY,
  jobSeconds: undefined,
  prices: undefined,
  clockFactor: 1,
  leaseReadyMs: 200,
  modelLateMs: 0,
  listLagMs: 0,
  forgets: [],
  bases: ['gpt-4.1-nano', 'gpt-4.1-mini', 'gpt-4.1'],
  engine: undefined,
};

/**
 * A server that plays a host: files, jobs, models, leases and a bill, with the local trainer behind and a host's dialect in front. What it
 * shows follows the host's documents, because none of the hosts can be reached from tests.
 */
export class Host {
  readonly front: Front;
  readonly options: HostOptions;
  readonly engine: Engine;
  readonly files: Files;
  readonly models: Models;
  readonly jobs: Jobs;
  readonly leases: Leases;
  readonly tariff: Tariff;
  readonly faults = new Faults();
  readonly schemas: Schemas;
  readonly #violations: Violation[] = [];
  readonly #requests: RequestEntry[] = [];
  readonly #chats = { calls: 0, promptTokens: 0, completionTokens: 0, usd: 0 };
  /** By the jobs of the models that answered. */
  readonly #answersUsd = new Map<string, number>();
  #server: HostServer | undefined;

  private constructor(front: Front, engine: Engine, options: HostOptions) {
    this.front = front;
    this.engine = engine;
    this.options = options;
    this.files = new Files(engine);
    this.models = new Models(front.profile, front.profile.models.length > 0 ? [] : options.bases);
    this.jobs = new Jobs(this);
    this.leases = new Leases(this);
    this.tariff = new Tariff(front.profile, options.prices);
    this.schemas = new Schemas(front);
  }

  static async start(front: Front, options: Partial<HostOptions> = {}): Promise<Host> {
    const all = { ...DEFAULTS, ...front.defaults, ...options };
    const host = new Host(front, all.engine ?? (await Engine.start(all.jobSeconds)), all);
    host.#server = await serve(host);
    return host;
  }

  /** `http://127.0.0.1:<port>` */
  get origin(): string {
    if (!this.#server) throw new Error('the host has not started');
    return this.#server.origin;
  }

  async close(): Promise<void> {
    await this.#server?.close();
    if (!this.options.engine) await this.engine.close();
  }

  /**
   * Asks a model and books the tokens, in the form of OpenAI's chat completions.
   *
   * @param lease where its hours are charged instead of its tokens
   */
  async answer(call: Call, model: HostModel, lease: HostLease | null): Promise<Answer> {
    const answer = await this.engine.complete(model.engineModel, call.body);
    const { promptTokens, completionTokens, serverMs } = answer;
    this.#chats.calls += 1;
    this.#chats.promptTokens += promptTokens;
    this.#chats.completionTokens += completionTokens;
    if (!lease || lease.usdPerHour === 0) {
      const usd = this.tariff.tokens(model.baseName, model.tuned, promptTokens, completionTokens);
      this.#chats.usd += usd;
      if (model.job !== null) this.#answersUsd.set(model.job, (this.#answersUsd.get(model.job) ?? 0) + usd);
    }
    const body: Record<string, unknown> = { ...answer.body, model: call.body.model };
    const text = effectOf(call.effects, 'text');
    if (text) {
      const message = { role: 'assistant', content: text.text };
      body.choices = [{ index: 0, message, logprobs: null, finish_reason: text.cut ? 'length' : 'stop' }];
    }
    return { headers: { 'openai-processing-ms': serverMs }, body };
  }

  /** The true course of events, whatever clients were told. */
  async ledger(): Promise<HostLedger> {
    const all = await this.jobs.all();
    const jobs = all.map((job) => ({
      id: job.id,
      baseModel: job.baseName,
      key: jobKey(job),
      suffix: job.suffix,
      seed: job.seed,
      trainingFile: job.trainingFile,
      state: job.state,
      trainedTokens: job.trainedTokens,
      usd: job.usd ?? 0,
      answersUsd: this.#answersUsd.get(job.id) ?? 0,
      finishedAt: job.finishedAt,
      tunedModel: job.tunedModel,
    }));
    const leases = this.leases.entries();
    const { usd: tokens, ...chats } = this.#chats;
    const training = sum(jobs);
    const serving = sum(leases);
    return {
      jobs,
      duplicates: duplicatesIn(jobs),
      running: all.filter((job) => !hasEnded(job)).length,
      leases,
      openLeases: leases.filter(({ removedAt }) => removedAt === null).length,
      chats,
      requests: this.#requests,
      violations: this.#violations.length,
      usd: { training, serving, tokens, total: training + serving + tokens },
    };
  }

  /** Requests and answers that the host's document does not allow, or whose meaning is another than their sender's. */
  violations(): readonly Violation[] {
    return this.#violations;
  }

  /** Takes down that a request means something else than its sender wants, such as a field that the host passes over. */
  misunderstood({ method, path }: Call, ...problems: string[]): void {
    this.violated({ what: 'meaning', method, path, status: null, problems });
  }

  /** The requests from this number on. */
  requests(from: number): readonly RequestEntry[] {
    return this.#requests.slice(from);
  }

  violated(violation: Violation): void {
    this.#violations.push(violation);
  }

  noted(request: RequestEntry): void {
    this.#requests.push(request);
  }
}

function sum(entries: readonly { readonly usd: number }[]): number {
  return entries.reduce((total, { usd }) => total + usd, 0);
}
