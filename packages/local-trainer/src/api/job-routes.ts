import { invalid } from '@tuneloop/app/internal/shared/api-error';
import type { FastifyPluginAsync } from 'fastify';
import type { Engines } from '../engine.ts';
import { derivedSeed, newJobId, newModelId, ORGANIZATION } from '../ids.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { FineTuningJob } from '../jobs/job-record.ts';
import type { JobStore, ShownJobs } from '../jobs/jobs.ts';
import type { FileStore } from '../stores/files.ts';
import { type JobRequest, parseJobRequest } from './job-request.ts';
import { metadataFilter } from './metadata.ts';
import { pageOf } from './pages.ts';

const MOST_LISTED = 1_000;

/** `/v1/fine_tuning/jobs`; answers show the jobs as `shown`. */
export function jobRoutes(
  jobs: JobStore,
  shown: ShownJobs,
  queue: JobQueue,
  files: FileStore,
  engines: Engines,
): FastifyPluginAsync {
  return async (app) => {
    app.post('/fine_tuning/jobs', async ({ body }) => {
      const request = parseJobRequest(body, engines);
      for (const param of ['training_file', 'validation_file'] as const) {
        const id = request[param];
        if (id !== null && (!files.has(id) || files.get(id).purpose !== 'fine-tune')) {
          throw invalid(param, `invalid ${param}: ${id}`, 'invalid_file');
        }
      }
      const record = await jobs.add(newJob(request, files), newModelId(request.model, request.suffix));
      const created = structuredClone(record.job);
      queue.submit(record);
      return created;
    });

    app.get<{ Querystring: Record<string, unknown> }>('/fine_tuning/jobs', async (request) => {
      const { query } = request;
      const hasMetadata = metadataFilter(query);
      const found = shown
        .listed(request)
        .map(({ job }) => job)
        .filter(({ metadata }) => hasMetadata(metadata));
      const { object, data, has_more } = pageOf(found, query, { usual: 20, most: MOST_LISTED });
      return { object, data, has_more };
    });

    app.get<{ Params: { id: string } }>('/fine_tuning/jobs/:id', async ({ params }) => shown.get(params.id).job);

    app.post<{ Params: { id: string } }>('/fine_tuning/jobs/:id/cancel', async ({ params }) => {
      const record = jobs.get(params.id);
      await queue.cancel(record);
      return record.job;
    });

    app.get<{ Params: { id: string }; Querystring: Record<string, unknown> }>(
      '/fine_tuning/jobs/:id/events',
      async ({ params, query }) => {
        shown.get(params.id);
        const { object, data, has_more } = pageOf(shown.events(params.id), query, { usual: 20, most: MOST_LISTED });
        return { object, data, has_more };
      },
    );

    app.get<{ Params: { id: string }; Querystring: Record<string, unknown> }>(
      '/fine_tuning/jobs/:id/checkpoints',
      async ({ params, query }) => {
        const newestFirst = shown.get(params.id).checkpoints.slice().reverse();
        return pageOf(newestFirst, query, { usual: 10, most: MOST_LISTED });
      },
    );
  };
}

function newJob(request: JobRequest, files: FileStore): FineTuningJob {
  const { model, training_file, validation_file, hyperparameters } = request;
  return {
    object: 'fine_tuning.job',
    id: newJobId(),
    model,
    created_at: Math.floor(Date.now() / 1000),
    finished_at: null,
    fine_tuned_model: null,
    organization_id: ORGANIZATION,
    result_files: [],
    status: 'validating_files',
    training_file,
    validation_file,
    hyperparameters,
    method: { type: 'supervised', supervised: { hyperparameters } },
    trained_tokens: null,
    error: {},
    user_provided_suffix: request.suffix,
    // Derived from the file and the settings, so that the same request gives the same model.
    seed: request.seed ?? derivedSeed([model, files.sha256(training_file), hyperparameters]),
    estimated_finish: null,
    integrations: [],
    metadata: request.metadata,
  };
}
