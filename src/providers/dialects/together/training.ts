import { type Rate, rateAt, ruleFor } from '../../../core/run/hyperparameters.ts';
import type { Checkpoint, MetricPoint } from '../../../core/run/training-metrics.ts';
import { deleted, type HttpApi } from '../../http-api.ts';
import { jobLabel, labelOwner } from '../../job-label.ts';
import { thinned } from '../../openai-protocol/job-mapping.ts';
import { modelId, type ProviderProfile } from '../../profile.ts';
import { ProviderError } from '../../provider-error.ts';
import type { Job, JobIdentity, JobRequest, OwnedJob, Training, TrainingTime } from '../../training.ts';
import { ANY, CHECKPOINTS, ESTIMATE, JOB, JOBS, LIMITS, METRICS, type TogetherJob } from './answers.ts';
import type { TogetherFiles } from './files.ts';
import { isSame, labelsOf, lengthOf, secondsOf, toCheckpoints, toJob, toMetricPoints } from './job-mapping.ts';

const MOST_POINTS = 200;
/** At most this many pages of jobs are read, so that a server with endless pages does not hold up the wait. */
const MOST_PAGES = 1000;
/** Rows of a batch where the pipeline names none, within the bounds of the model. */
const BATCH_SIZE = 8;
const DEFAULT_RANK = 16;

type JobDraft = Pick<JobRequest, 'baseModel' | 'trainingFile' | 'validationFile' | 'hyperparameters'>;

/** Fine-tuning of LoRA adapters by Together's protocol. */
export class TogetherTraining implements Training {
  readonly settlingMs: number;
  readonly #api: HttpApi;
  readonly #files: TogetherFiles;
  readonly #profile: ProviderProfile;

  constructor(api: HttpApi, files: TogetherFiles, profile: ProviderProfile) {
    this.settlingMs = profile.jobs.settlingMs;
    this.#api = api;
    this.#files = files;
    this.#profile = profile;
  }

  async checkFineTuning(): Promise<void> {
    await this.#api.send({ path: '/fine-tunes', answer: JOBS });
  }

  findFile(name: string, bytes: number): Promise<string | undefined> {
    return this.#files.find(name, bytes);
  }

  uploadFile(name: string, file: string): Promise<string> {
    return this.#files.upload(name, file);
  }

  deleteFile(id: string): Promise<void> {
    return this.#files.delete(id);
  }

  /** A model goes with its job, and so do the checkpoints: no call deletes one of them alone. */
  async deleteModel(id: string): Promise<void> {
    const jobs = await this.#jobs();
    const job = jobs.find(({ model_output_name: model }) => model === id);
    if (job) {
      await deleted(this.#api.send({ path: pathOf(job.id), method: 'DELETE', answer: ANY }));
      return;
    }
    const parent = jobs.find(({ model_output_name: model }) => model && id.startsWith(`${model}:`));
    if (!parent && this.#profile.ids.tunedModel.test(id)) return;
    const why = parent
      ? `goes with its model: delete ${parent.model_output_name}`
      : 'is no model of a job of this account';
    throw new ProviderError('PROVIDER_REFUSED', `${id} ${why}`, { retryable: false });
  }

  async findJobs(identity: JobIdentity): Promise<Job[]> {
    const jobs = (await this.#jobs()).filter((job) => isSame(job, identity, this.#profile));
    return jobs.map(toJob).toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  }

  async listPendingJobs(): Promise<OwnedJob[]> {
    return (await this.#jobs()).flatMap((job) => {
      const owner = labelsOf(job).map(labelOwner).find(Boolean);
      return owner && toJob(job).state === 'pending' ? [{ id: job.id, owner }] : [];
    });
  }

  async createJob(request: JobRequest): Promise<Job> {
    const body = await this.#bodyOf(request);
    return toJob(await this.#api.send({ path: '/fine-tunes', method: 'POST', body, answer: JOB }));
  }

  async getJob(id: string): Promise<Job> {
    return toJob(await this.#get(id));
  }

  /** All rows are read every time: without the earlier ones nothing says whether the measurement of an epoch is missing. */
  async listMetrics(id: string, afterStep = Number.NEGATIVE_INFINITY): Promise<MetricPoint[]> {
    const points = await this.#points(id, await this.#get(id));
    return thinned(
      points.filter(({ step }) => step > afterStep),
      MOST_POINTS,
    );
  }

  async listCheckpoints(id: string): Promise<Checkpoint[]> {
    const { data } = await this.#api.send({ path: `${pathOf(id)}/checkpoints`, answer: CHECKPOINTS });
    const job = await this.#get(id);
    if (data.length === 0 || toJob(job).model === null) return [];
    return toCheckpoints(data, job, await this.#points(id, job));
  }

  async getTrainingTime(id: string): Promise<TrainingTime> {
    const { events, started_at: stageStart } = await this.#get(id);
    const began = (events ?? []).find(({ type }) => type === 'training_start');
    return { startedAt: secondsOf(began?.created_at ?? stageStart), workedMs: null };
  }

  async cancelJob(id: string): Promise<Job> {
    try {
      return toJob(await this.#api.send({ path: `${pathOf(id)}/cancel`, method: 'POST', answer: JOB }));
    } catch (error) {
      // A job that has ended cannot be cancelled (400): it is enough that it is not running.
      if (!(error instanceof ProviderError && error.status === 400)) throw error;
      const job = await this.getJob(id);
      if (job.state === 'pending') throw error;
      return job;
    }
  }

  /** The price of a job as the provider estimates it, in USD. */
  async estimate(job: JobDraft): Promise<number> {
    const { model, training_file, validation_file, n_epochs, n_evals, training_method, training_type } =
      await this.#settingsOf(job);
    const answer = await this.#api.send({
      path: '/fine-tunes/estimate-price',
      method: 'POST',
      body: { model, training_file, validation_file, n_epochs, n_evals, training_method, training_type },
      answer: ESTIMATE,
    });
    if (answer.estimation_available === false || answer.estimated_total_price == null) {
      const why = answer.unavailable_reason ?? 'it gives no reason';
      throw new ProviderError('PROVIDER_REFUSED', `the provider estimates no price (${why})`, { retryable: false });
    }
    return answer.estimated_total_price;
  }

  async #bodyOf(request: JobRequest): Promise<object> {
    return {
      ...(await this.#settingsOf(request)),
      suffix: jobLabel(request, this.#profile.jobs.longestSuffix),
      random_seed: request.hyperparameters.seed ?? request.seed,
    };
  }

  /** Every setting is sent, because the API itself fills in no defaults: those of the documents are those of its clients. */
  async #settingsOf({ baseModel, trainingFile, validationFile, hyperparameters }: JobDraft) {
    const model = modelId(this.#profile, baseModel);
    const limits = await this.#api.send({
      path: '/fine-tunes/models/limits',
      query: { model_name: model },
      answer: LIMITS,
    });
    const { epochs, batchSize, loraRank = this.#profile.jobs.loraRank?.default ?? DEFAULT_RANK } = hyperparameters;
    const { min_batch_size: least, max_batch_size: most } = limits.lora_training ?? {};
    return {
      model,
      training_file: trainingFile,
      validation_file: validationFile,
      n_epochs: epochs,
      n_checkpoints: Math.min(epochs, limits.max_num_checkpoints ?? epochs),
      n_evals: Math.min(epochs, limits.max_num_evals ?? epochs),
      batch_size: batchSize ?? Math.min(Math.max(BATCH_SIZE, least ?? 0), most ?? BATCH_SIZE),
      learning_rate: rateOf(hyperparameters, this.#profile),
      lr_scheduler: { lr_scheduler_type: 'linear', lr_scheduler_args: { min_lr_ratio: 0 } },
      warmup_ratio: 0,
      max_grad_norm: 1,
      weight_decay: 0,
      training_method: { method: 'sft', train_on_inputs: false },
      training_type: {
        type: 'Lora',
        lora_r: loraRank,
        lora_alpha: 2 * loraRank,
        lora_dropout: 0,
        lora_trainable_modules: 'all-linear',
      },
    };
  }

  #get(id: string): Promise<TogetherJob> {
    return this.#api.send({ path: pathOf(id), answer: JOB });
  }

  async #points(id: string, job: TogetherJob): Promise<MetricPoint[]> {
    const { metrics } = await this.#api.send({ path: `${pathOf(id)}/metrics`, answer: METRICS });
    return toMetricPoints(metrics ?? [], lengthOf(job));
  }

  /** The documents know no pages; a list that says that it goes on is read to its end all the same. */
  async #jobs(): Promise<TogetherJob[]> {
    const jobs = new Map<string, TogetherJob>();
    let after: string | undefined;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const { data, has_more: hasMore } = await this.#api.send({ path: '/fine-tunes', query: { after }, answer: JOBS });
      const known = jobs.size;
      for (const job of data) jobs.set(job.id, job);
      after = data.at(-1)?.id;
      if (!hasMore || jobs.size === known) break;
    }
    return [...jobs.values()];
  }
}

function rateOf(rate: Rate, { jobs }: Pick<ProviderProfile, 'jobs'>): number {
  const wanted = rate.learningRate ?? rateAt(rate.learningRateMultiplier, ruleFor({}, jobs.learningRate)).learningRate;
  // Its profile says that it takes rates; a factor must never be sent as one.
  if (wanted === undefined)
    throw new RangeError('this provider takes learning rates, and its profile has no base for them');
  return wanted;
}

function pathOf(id: string): string {
  return `/fine-tunes/${encodeURIComponent(id)}`;
}
