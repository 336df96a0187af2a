import { join } from 'node:path';
import { ApiError } from '@tuneloop/app/internal/shared/api-error';
import Fastify from 'fastify';
import OpenAI from 'openai';
import { chatRoutes } from '../../packages/local-trainer/src/api/chat-routes.ts';
import type { ModelRegistry } from '../../packages/local-trainer/src/api/models.ts';
import type { CallableModel } from '../../packages/local-trainer/src/engine.ts';
import { CompletionStore } from '../../packages/local-trainer/src/stores/completion-store.ts';

/** Chat completions of these models over HTTP, with the official client. */
export async function chatApp(dir: string, models: (name: string) => CallableModel) {
  const app = Fastify({ forceCloseConnections: true });
  app.setErrorHandler(async (error, _request, reply) => {
    if (error instanceof ApiError) return reply.code(error.status).send(error.body);
    throw error;
  });
  const registry = { load: models } as unknown as ModelRegistry;
  await app.register(chatRoutes(registry, new CompletionStore(join(dir, 'completions.jsonl'))), { prefix: '/v1' });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 });
  return { client, close: () => app.close() };
}

/** The error of a request that must fail. */
export async function refusal(work: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof OpenAI.APIError) return error;
  throw error ?? new Error('the request was not refused');
}

/** Whether there is a process of this id. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
