import { rateAt, ruleFor } from '../../../core/run/hyperparameters.ts';
import type { Checkpoint, MetricPoint } from '../../../core/run/training-metrics.ts';
import { deleted } from '../../http-api.ts';
import { jobLabel, labelOwner } from '../../job-label.ts';
import { thinned } from '../../openai-protocol/job-mapping.ts';
import { modelId, type ProviderProfile } from '../../profile.ts';
import { ProviderError } from '../../provider-error.ts';
import type { Job, JobIdentity, JobRequest, OwnedJob, Training, TrainingTime } from '../../training.ts';
import { ANYTHING, type FireworksApi, isStatus } from './api.ts';
import { type DatasetOptions, FireworksDatasets } from './datasets.ts';
import { type JobAnswer, jobAnswer, toJob } from './job-mapping.ts';
import { metricPoints } from './metrics.ts';

const JOBS = 'supervisedFineTuningJobs';
const MOST_POINTS = 200;

/** Characters of the key in an id: enough to tell apart all jobs of an account. */
const KEY_LENGTH = 40;

/** Statuses of a storage for a signed address that has expired. */
const EXPIRED = [400, 401, 403];

/**
 * Fine-tuning at Fireworks. The id of a job follows from its key, so that a second creation is refused and finds the first one; the id of
 * its model is the same.
 */
export class FireworksTraining implements Training {
  readonly settlingMs: number;
  readonly #api: FireworksApi;
  readonly #profile: ProviderProfile;
  readonly #datasets: FireworksDatasets;

  constructor(api: FireworksApi, profile: ProviderProfile, options: DatasetOptions) {
    this.settlingMs = profile.jobs.settlingMs;
    this.#api = api;
    this.#profile = profile;
    this.#datasets = new FireworksDatasets(api, options);
  }

  async checkFineTuning(): Promise<void> {
    const path = `/${this.#api.account}/${JOBS}`;
    await this.#api.http.send({ path, query: { pageSize: 1 }, answer: ANYTHING });
  }

  findFile(name: string, bytes: number): Promise<string | undefined> {
    return this.#datasets.find(name, bytes);
  }

  uploadFile(name: string, file: string): Promise<string> {
    return this.#datasets.upload(name, file);
  }

  deleteFile(id: string): Promise<void> {
    return this.#datasets.delete(id);
  }

  deleteModel(id: string): Promise<void> {
    if (!id.startsWith(`${this.#api.account}/models/`)) {
      const message = `${id} is no model of ${this.#api.account}, and cannot be deleted`;
      return Promise.reject(new ProviderError('PROVIDER_REFUSED', message, { retryable: false, status: 403 }));
    }
    return deleted(this.#api.delete(id));
  }

  async findJobs({ key }: JobIdentity): Promise<Job[]> {
    const job = await this.#api.find(this.#api.nameOf(JOBS, jobId(key)), jobAnswer);
    return job ? [this.#toJob(job)] : [];
  }

  async listPendingJobs(): Promise<OwnedJob[]> {
    const jobs: OwnedJob[] = [];
    for await (const answer of this.#api.list(JOBS, jobAnswer)) {
      const owner = labelOwner(answer.displayName);
      const { id, state } = this.#toJob(answer);
      if (owner && state === 'pending') jobs.push({ id, owner });
    }
    return jobs;
  }

  async createJob(request: JobRequest): Promise<Job> {
    const id = jobId(request.key);
    try {
      const job = await this.#api.post(`${this.#api.account}/${JOBS}`, {
        query: { supervisedFineTuningJobId: id },
        body: this.#bodyOf(id, request),
        answer: jobAnswer,
      });
      return this.#toJob(job);
    } catch (error) {
      if (!isStatus(error, 409)) throw error;
      const [job] = await this.findJobs(request);
      if (!job) throw error;
      return job;
    }
  }

  async getJob(id: string): Promise<Job> {
    return this.#toJob(await this.#get(id));
  }

  async listMetrics(id: string, afterStep = Number.NEGATIVE_INFINITY): Promise<MetricPoint[]> {
    const job = await this.#get(id);
    const text = await this.#metricsFile(job);
    const points = metricPoints(text, job.epochs || Number.POSITIVE_INFINITY).filter(({ step }) => step > afterStep);
    return thinned(points, MOST_POINTS);
  }

  listCheckpoints(): Promise<Checkpoint[]> {
    return Promise.resolve([]);
  }

  getTrainingTime(): Promise<TrainingTime> {
    return Promise.resolve({ startedAt: null, workedMs: null });
  }

  async cancelJob(id: string): Promise<Job> {
    try {
      await this.#api.post(`${this.#api.nameOf(JOBS, id)}:cancel`, { body: {}, answer: ANYTHING });
    } catch (error) {
      // A job that has ended cannot be cancelled: it is enough that it is not running.
      if (!isStatus(error, 400, 409, 412)) throw error;
      const job = await this.getJob(id);
      if (job.state === 'pending') throw error;
      return job;
    }
    return this.getJob(id);
  }

  #bodyOf(id: string, request: JobRequest): Record<string, unknown> {
    const { jobs } = this.#profile;
    const { hyperparameters, trainingFile, validationFile, baseModel } = request;
    const { learningRateMultiplier, epochs, batchSize, loraRank = jobs.loraRank?.default } = hyperparameters;
    const usual = rateAt(learningRateMultiplier, ruleFor({}, jobs.learningRate)).learningRate;
    return {
      displayName: jobLabel(request, jobs.longestSuffix),
      baseModel: modelId(this.#profile, baseModel),
      dataset: trainingFile,
      evaluationDataset: validationFile,
      outputModel: this.#modelOf(id),
      epochs,
      learningRate: hyperparameters.learningRate ?? usual,
      loraRank,
      // Never `batchSize`, `earlyStop`, or `seed`: the provider refuses the first two, and has no third.
      ...(batchSize === undefined ? {} : { batchSizeSamples: batchSize }),
    };
  }

  /** Empty where there is none yet. */
  async #metricsFile({ name, metricsFileSignedUrl: url }: JobAnswer): Promise<string> {
    if (!url) return '';
    try {
      return await this.#api.exchangeSigned(url);
    } catch (error) {
      if (isStatus(error, 404)) return '';
      if (!isStatus(error, ...EXPIRED)) throw error;
      const { metricsFileSignedUrl: newer } = await this.#api.get(name, jobAnswer);
      return newer ? this.#api.exchangeSigned(newer) : '';
    }
  }

  #get(id: string): Promise<JobAnswer> {
    return this.#api.get(this.#api.nameOf(JOBS, id), jobAnswer);
  }

  #toJob(job: JobAnswer): Job {
    return toJob(job, (id) => this.#modelOf(id));
  }

  #modelOf(id: string): string {
    return this.#api.nameOf('models', id);
  }
}

function jobId(key: string): string {
  return `tuneloop-${key.slice(0, KEY_LENGTH)}`;
}
