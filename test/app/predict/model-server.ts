import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import OpenAI from 'openai';

/**
 * The behaviour of a model: it answers with a text (and a finish reason), with an error or with no completion, breaks off, or stalls:
 * before its answer, or in its midst.
 */
export type Behaviour =
  | { says: string | null; because?: string }
  | { status: number; code?: string }
  | { body: string }
  | 'breaks'
  | 'hangs'
  | 'stalls';

export interface ModelServer {
  client: OpenAI;
  /** By model; others are unknown. */
  models: Record<string, Behaviour>;
  /** The requests so far. */
  requests: Record<string, unknown>[];
  /** Requests that wait for an answer, or for their client to go away. */
  readonly open: number;
  close(): void;
}

/** A server on 127.0.0.1 with models that behave as a test wants them to. */
export async function startModelServer(): Promise<ModelServer> {
  const models: Record<string, Behaviour> = {};
  const requests: Record<string, unknown>[] = [];
  let open = 0;
  const server = createServer(async (request, response) => {
    open += 1;
    response.once('close', () => {
      open -= 1;
    });
    let body = '';
    for await (const text of request.setEncoding('utf8')) body += text;
    const asked = JSON.parse(body) as Record<string, unknown>;
    requests.push(asked);
    const model = String(asked.model);
    behave(models[model] ?? { status: 404, code: 'model_not_found' }, model, requests.length, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    client: new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'any' }),
    models,
    requests,
    get open() {
      return open;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function behave(behaviour: Behaviour, model: string, number: number, response: ServerResponse): void {
  if (behaviour === 'hangs') return;
  if (behaviour === 'breaks') return void response.destroy();
  const status = typeof behaviour === 'object' && 'status' in behaviour ? behaviour.status : 200;
  response.writeHead(status, { 'content-type': 'application/json' });
  if (behaviour === 'stalls') return void response.write('{"id":');
  if ('body' in behaviour) return void response.end(behaviour.body);
  if ('status' in behaviour) {
    const { code = null } = behaviour;
    return void response.end(JSON.stringify({ error: { message: 'I was asked about SECRET', type: 'x', code } }));
  }
  const message = { role: 'assistant', content: behaviour.says, refusal: behaviour.says === null ? 'No.' : null };
  const completion = {
    id: `chatcmpl-${number}`,
    object: 'chat.completion',
    created: 1,
    model: `${model}-dated`,
    choices: [{ index: 0, message, finish_reason: behaviour.because ?? 'stop' }],
    usage: { prompt_tokens: 12, completion_tokens: 1, total_tokens: 13 },
  };
  response.end(JSON.stringify(completion));
}
