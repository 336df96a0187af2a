import { appendFileSync, readdirSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiError } from '@tuneloop/app/internal/shared/api-error';
import { checkpointModelId, newEventId } from '../ids.ts';
import { RecordWriter, readJsonLines, readRecord } from '../stores/storage.ts';
import { isJobEvent, isJobRecord } from './job-form.ts';
import type { FineTuningJob, JobEvent, JobRecord, JobStatus } from './job-record.ts';

/** The jobs as clients see them. The store itself shows them unchanged. */
export interface ShownJobs {
  /** Oldest first. */
  all(): JobRecord[];
  /** Newest first: the list that answers `request`. */
  listed(request: object): JobRecord[];
  /** @throws ApiError 404 */
  get(id: string): JobRecord;
  /** Newest first. */
  events(id: string): JobEvent[];
}

/** Jobs and their events: a record `<id>.json` and a growing `<id>.events.jsonl` each. */
export class JobStore implements ShownJobs {
  readonly #dir: string;
  readonly #writer = new RecordWriter();
  readonly #records = new Map<string, JobRecord>();
  readonly #events = new Map<string, JobEvent[]>();
  #sequence = 0;
  #statusListener: (record: JobRecord) => void = () => undefined;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Reads the jobs of an earlier process. */
  static async open(dir: string): Promise<JobStore> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const store = new JobStore(dir);
    const records: JobRecord[] = [];
    for (const name of readdirSync(dir)) {
      if (name.endsWith('.tmp')) await rm(join(dir, name), { force: true });
      if (/^ftjob-\w+\.json$/.test(name)) records.push(readRecord(join(dir, name), 'record of a job', isJobRecord));
    }
    for (const record of records.sort((a, b) => a.sequence - b.sequence)) {
      store.#records.set(record.job.id, record);
      store.#events.set(record.job.id, readJsonLines(store.#eventsPath(record.job.id), isJobEvent));
      store.#sequence = record.sequence;
    }
    return store;
  }

  /** Oldest first. */
  all(): JobRecord[] {
    return [...this.#records.values()];
  }

  listed(): JobRecord[] {
    return this.all().reverse();
  }

  find(id: string): JobRecord | undefined {
    return this.#records.get(id);
  }

  /** @throws ApiError 404 */
  get(id: string): JobRecord {
    const record = this.#records.get(id);
    if (record === undefined) {
      throw new ApiError(404, `Could not find fine tune: ${id}`, {
        param: 'fine_tune_id',
        code: 'fine_tune_not_found',
      });
    }
    return record;
  }

  /** `listener` is told of each new job, once it is on disk, and of each change of a status, at once. There is one. */
  onStatus(listener: (record: JobRecord) => void): void {
    this.#statusListener = listener;
  }

  /** Changes the status of a job in memory; {@link save} puts it on disk. */
  setStatus(record: JobRecord, status: JobStatus): void {
    if (record.job.status === status) return;
    record.job.status = status;
    this.#statusListener(record);
  }

  /** Resolves when the job is on disk. */
  async add(job: FineTuningJob, modelId: string): Promise<JobRecord> {
    const record: JobRecord = {
      sequence: ++this.#sequence,
      modelId,
      startedAt: null,
      trainingTokens: 0,
      job,
      checkpoints: [],
      deletedModels: [],
    };
    await this.#writer.write(this.#recordPath(job.id), record);
    this.#records.set(job.id, record);
    this.#events.set(job.id, []);
    this.#statusListener(record);
    return record;
  }

  /** Puts the present state on disk. */
  save(record: JobRecord): Promise<void> {
    return this.#writer.write(this.#recordPath(record.job.id), record);
  }

  settle(): Promise<void> {
    return this.#writer.settle();
  }

  /** Newest first. */
  events(id: string): JobEvent[] {
    return (this.#events.get(id) ?? []).slice().reverse();
  }

  /**
   * Adds an event, unless the job has one with this message: training is deterministic, so a job that starts again after a crash reports
   * the same events, and only its new part is added.
   */
  tell(id: string, message: string, data: JobEvent['data'] = {}, level: JobEvent['level'] = 'info'): void {
    const events = this.#events.get(id);
    if (events === undefined || events.some((event) => event.message === message)) return;
    const event: JobEvent = {
      object: 'fine_tuning.job.event',
      id: newEventId(),
      created_at: Math.floor(Date.now() / 1000),
      level,
      message,
      type: 'step' in data ? 'metrics' : 'message',
      data,
    };
    events.push(event);
    appendFileSync(this.#eventsPath(id), `${JSON.stringify(event)}\n`, { mode: 0o600 });
  }

  #recordPath(id: string): string {
    return join(this.#dir, `${id}.json`);
  }

  #eventsPath(id: string): string {
    return join(this.#dir, `${id}.events.jsonl`);
  }
}

/** The names under which the models of a job can be called, with the step whose weights each has. */
export function modelsOf(record: JobRecord): { id: string; step: number; created: number }[] {
  if (record.job.status !== 'succeeded') return [];
  const models = record.checkpoints.map((checkpoint) => ({
    id: checkpointModelId(record.modelId, checkpoint.step_number),
    step: checkpoint.step_number,
    created: checkpoint.created_at,
  }));
  const last = models[models.length - 1];
  if (last !== undefined) models.push({ ...last, id: record.modelId });
  return models.filter(({ id }) => !record.deletedModels.includes(id));
}
