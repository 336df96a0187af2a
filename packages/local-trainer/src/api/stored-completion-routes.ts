import { invalid } from '@tuneloop/app/internal/shared/api-error';
import type { FastifyPluginAsync } from 'fastify';
import type { CompletionStore } from '../stores/completion-store.ts';
import { metadataFilter } from './metadata.ts';
import { pageOf } from './pages.ts';

const LIMITS = { usual: 20, most: 100 };

/** `GET /v1/chat/completions` and `/v1/chat/completions/{id}/messages`: stored completions, oldest first unless asked otherwise. */
export function storedCompletionRoutes(store: CompletionStore): FastifyPluginAsync {
  return async (app) => {
    app.get<{ Querystring: Record<string, unknown> }>('/chat/completions', async ({ query }) => {
      const hasMetadata = metadataFilter(query);
      const found = store
        .all()
        .map(({ completion }) => completion)
        .filter(({ model, metadata }) => (query.model === undefined || model === query.model) && hasMetadata(metadata));
      return pageOf(inOrder(found, query.order), query, LIMITS);
    });

    app.get<{ Params: { id: string }; Querystring: Record<string, unknown> }>(
      '/chat/completions/:id/messages',
      async ({ params, query }) => {
        const messages = store
          .get(params.id)
          .messages.map(({ role, content }, at) => ({ id: `${params.id}-${at}`, role, content, content_parts: null }));
        return pageOf(inOrder(messages, query.order), query, LIMITS);
      },
    );
  };
}

function inOrder<T>(oldestFirst: readonly T[], order: unknown): readonly T[] {
  if (order !== undefined && order !== 'asc' && order !== 'desc') {
    throw invalid('order', `Invalid 'order': expected 'asc' or 'desc', but got '${order}'.`, 'invalid_value');
  }
  return order === 'desc' ? oldestFirst.toReversed() : oldestFirst;
}
