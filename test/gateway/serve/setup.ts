import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import path from 'node:path';
import OpenAI from 'openai';
import { type CaptureSink, jsonlSink } from '../../../packages/app/src/capture/index.ts';
import type { CapturedCall } from '../../../packages/app/src/capture/record.ts';
import type { Alias, ServedModel } from '../../../packages/app/src/predict/alias.ts';
import type { PromptTemplate } from '../../../packages/app/src/prompt/prompt-template.ts';
import { type Gateway, startGateway } from '../../../src/gateway/serve/gateway.ts';
import { writeAlias } from '../../../src/stores/aliases.ts';
import { type TinyServer, tinyServer } from '../../providers/http-server.ts';
import { temporaryHome } from '../../setup/cli.ts';

export const KEY_VARIABLE = 'TUNELOOP_TEST_GATEWAY_KEY';
export const LABELS = ['billing', 'crash', 'delivery'];
export const INSTRUCTIONS = 'Sort the message into billing, crash or delivery. Answer with one word.';

const template: PromptTemplate = {
  versions: [
    {
      messages: [
        { role: 'system', parts: [INSTRUCTIONS] },
        { role: 'user', parts: ['Message: ', { slot: 0 }] },
      ],
      slots: [{ name: 'input', kind: 'input' }],
      rows: 10,
    },
  ],
};

/** The prompt as the application has sent it before there was a tuned model. */
export function oldPrompt(input: string): { role: 'system' | 'user'; content: string }[] {
  return [
    { role: 'system', content: INSTRUCTIONS },
    { role: 'user', content: `Message: ${input}` },
  ];
}

export function servedModel(model: string): ServedModel {
  return { model, treatment: 'strip', template, labels: LABELS, shutdownDate: null };
}

export function sampleAlias(changes: Partial<Alias> = {}): Alias {
  return {
    format: 1,
    pipeline: 'support-triage',
    task: 'classification',
    decision: 1,
    writtenAt: '2026-11-23T08:00:00.000Z',
    provider: 'local',
    champion: servedModel('ft:tuned'),
    canary: null,
    original: { model: 'big-model', template },
    jsonSchema: null,
    maxOutputTokens: null,
    ...changes,
  };
}

export interface GatewaySetup {
  home: string;
  upstream: TinyServer;
  gateway: Gateway;
  client: OpenAI;
  /** The lines of the log, once they are written. */
  logged(): Promise<CapturedCall[]>;
  /** Puts an alias of the upstream server in place. */
  deploy(changes?: Partial<Alias>): Promise<Alias>;
  /** The bodies that the upstream server was asked with. */
  asked(): Record<string, unknown>[];
  remove(): Promise<void>;
}

/** A gateway in front of a server that answers as a test says. */
export async function gatewaySetup(options: { fallbackModel?: string } = {}): Promise<GatewaySetup> {
  process.env[KEY_VARIABLE] = 'sk-upstream-0123456789';
  const { home, remove } = temporaryHome();
  const upstream = await tinyServer();
  const file = path.join(home, 'log.jsonl');
  const sink: CaptureSink = jsonlSink(file);
  const gateway = await startGateway({ home, port: 0, trainerUrl: upstream.baseURL, sink, ...options });
  return {
    home,
    upstream,
    gateway,
    client: new OpenAI({ baseURL: gateway.baseURL, apiKey: 'sk-caller-9876543210', maxRetries: 0 }),
    async logged() {
      await sink.flush();
      return linesOf(file);
    },
    async deploy(changes = {}) {
      const provider = { profile: 'generic' as const, baseURL: upstream.baseURL, apiKeyEnv: KEY_VARIABLE };
      const alias = sampleAlias({ provider, ...changes });
      await writeAlias(home, alias);
      return alias;
    },
    asked: () => upstream.received.map(({ body }) => JSON.parse(body)),
    async remove() {
      await gateway.close();
      await sink.close();
      await upstream.close();
      remove();
    },
  };
}

export function linesOf(file: string): CapturedCall[] {
  const text = readFileSync(file, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

let completions = 0;

/** A chat completion as servers send it. */
export function completion(model: unknown, content: string): object {
  completions += 1;
  return {
    id: `chatcmpl-${completions}`,
    object: 'chat.completion',
    created: 1_795_000_000,
    model,
    choices: [
      { index: 0, message: { role: 'assistant', content, refusal: null }, logprobs: null, finish_reason: 'stop' },
    ],
    usage: { prompt_tokens: 12, completion_tokens: 1, total_tokens: 13 },
  };
}

/** The events of a streamed chat completion, one for each text, without the last ones. */
export function chunk(model: unknown, content: string | null, finishReason: string | null = null): string {
  const delta = content === null ? {} : { role: 'assistant', content };
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: finishReason }];
  return event({ id: 'chatcmpl-s', object: 'chat.completion.chunk', created: 1_795_000_000, model, choices });
}

export function event(data: object | string): string {
  return `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
}

/** Begins a stream of events. */
export function beginEvents(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { 'content-type': 'text/event-stream' });
}
