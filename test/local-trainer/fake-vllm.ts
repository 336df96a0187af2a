import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Fastify from 'fastify';

/*
 * Plays the documented API of `vllm serve` as far as the trainer uses it: key, health, adapters loaded and unloaded while it
 * runs, chat completions as a stream, structured outputs, and errors in its own form. It answers with what it was asked.
 */
const argument = (name: string) => process.argv[process.argv.indexOf(name) + 1] as string;
const loras = new Map<string, string>();
const most = Number(argument('--max-cpu-loras'));
const app = Fastify({ forceCloseConnections: true });

const error = (code: number, type: string, message: string) => ({ error: { message, type, param: null, code } });

writeFileSync(
  join(argument('--model'), 'started.json'),
  JSON.stringify({
    pid: process.pid,
    port: argument('--port'),
    arguments: process.argv.slice(2),
    variables: Object.keys(process.env),
  }),
);

app.addHook('onRequest', async (request, reply) => {
  if (!request.url.startsWith('/v1')) return;
  if (request.headers.authorization !== `Bearer ${process.env.VLLM_API_KEY}`) {
    return reply.code(401).send({ error: 'Unauthorized' });
  }
});
app.get('/health', async () => '');

app.post<{ Body: { lora_name: string; lora_path: string } }>('/v1/load_lora_adapter', async ({ body }, reply) => {
  if (process.env.VLLM_ALLOW_RUNTIME_LORA_UPDATING !== 'True') return reply.code(404).send({ detail: 'Not Found' });
  if (loras.has(body.lora_name)) {
    return reply
      .code(400)
      .send(error(400, 'InvalidUserInput', `The lora adapter '${body.lora_name}' has already been loaded.`));
  }
  if (!existsSync(join(body.lora_path, 'adapter_config.json'))) {
    return reply
      .code(404)
      .send(
        error(404, 'NotFoundError', `Loading lora ${body.lora_name} failed: No adapter found for ${body.lora_path}`),
      );
  }
  if (loras.size >= most)
    return reply.code(500).send(error(500, 'InternalServerError', 'more adapters than --max-cpu-loras'));
  loras.set(body.lora_name, body.lora_path);
  return `Success: LoRA adapter '${body.lora_name}' added successfully.`;
});

app.post<{ Body: { lora_name: string } }>('/v1/unload_lora_adapter', async ({ body }, reply) => {
  if (!loras.delete(body.lora_name)) {
    return reply.code(404).send(error(404, 'NotFoundError', `The lora adapter '${body.lora_name}' cannot be found.`));
  }
  return `Success: LoRA adapter '${body.lora_name}' removed successfully.`;
});

interface Chat {
  readonly model: string;
  readonly messages: readonly { readonly content: string }[];
  readonly structured_outputs?: { readonly choice?: readonly string[] };
}

app.post<{ Body: Chat }>('/v1/chat/completions', async ({ body }, reply) => {
  const known = body.model === argument('--served-model-name') || loras.has(body.model);
  if (!known) return reply.code(404).send(error(404, 'NotFoundError', `The model \`${body.model}\` does not exist.`));
  const asked = body.messages.at(-1)?.content ?? '';
  if (asked === 'too long') {
    return reply.code(400).send(error(400, 'BadRequestError', "This model's maximum context length is 8 tokens."));
  }
  const text = body.structured_outputs?.choice?.[0] ?? JSON.stringify({ ...body, path: loras.get(body.model) ?? null });
  const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: body.model };
  const event = (rest: object) => `data: ${JSON.stringify({ ...head, ...rest })}\n\n`;
  const delta = (content: string) =>
    event({ choices: [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }] });
  reply.hijack();
  reply.raw.writeHead(200, { 'content-type': 'text/event-stream' });
  reply.raw.write(delta(text.slice(0, 3)));
  if (asked === 'die') process.exit(1);
  if (asked === 'hang') return;
  reply.raw.write(delta(text.slice(3)));
  reply.raw.write(event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop', stop_reason: null }] }));
  const usage = {
    prompt_tokens: 7,
    completion_tokens: 4,
    total_tokens: 11,
    prompt_tokens_details: { cached_tokens: 2 },
  };
  reply.raw.end(`${event({ choices: [], usage })}data: [DONE]\n\n`);
});

await app.listen({ host: argument('--host'), port: Number(argument('--port')) });
