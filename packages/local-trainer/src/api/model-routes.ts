import type { FastifyPluginAsync } from 'fastify';
import type { ModelRegistry } from './models.ts';

/** `/v1/models`. */
export function modelRoutes(models: ModelRegistry): FastifyPluginAsync {
  return async (app) => {
    app.get('/models', async () => ({ object: 'list', data: models.list() }));

    app.get<{ Params: { model: string } }>('/models/:model', async ({ params }) => models.get(params.model));

    app.delete<{ Params: { model: string } }>('/models/:model', async ({ params }) => {
      await models.delete(params.model);
      return { id: params.model, object: 'model', deleted: true };
    });
  };
}
