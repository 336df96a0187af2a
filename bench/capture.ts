/**
 * The time of a call with capture beside the time without, against a server on this machine: calls take turns, so that both
 * meet the same load. The last line is JSON.
 *
 *     node bench/capture.ts [--calls 2000]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import OpenAI from 'openai';
import { capture, jsonlSink } from '../packages/app/src/capture/index.ts';
import { percentile } from '../src/core/evaluation/statistics.ts';

const { values } = parseArgs({ options: { calls: { type: 'string', default: '2000' } } });
const calls = Number(values.calls);
const folder = await mkdtemp(path.join(tmpdir(), 'tuneloop-capture-'));
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        id: 'chatcmpl-1',
        model: 'm',
        choices: [{ index: 0, message: { role: 'assistant', content: 'billing' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 500, completion_tokens: 1 },
      }),
    );
  });
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;
const plain = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'any', maxRetries: 0 });
const sink = jsonlSink(path.join(folder, 'log.jsonl'));
const clients = { plain, captured: capture(plain, { sink }) };
const times: Record<keyof typeof clients, number[]> = { plain: [], captured: [] };
const messages = [{ role: 'user' as const, content: 'Where is my invoice? '.repeat(100) }];
for (let index = 0; index < calls; index += 1) {
  for (const name of ['plain', 'captured'] as const) {
    const start = performance.now();
    await clients[name].chat.completions.create({ model: 'm', messages });
    times[name].push(performance.now() - start);
  }
}
await sink.close();
server.closeAllConnections();
server.close();
await rm(folder, { recursive: true });
const p50 = { plain: percentile(times.plain, 0.5), captured: percentile(times.captured, 0.5) };
console.log(`p50 ${p50.plain.toFixed(3)} ms plain, ${p50.captured.toFixed(3)} ms captured, ${sink.lost} records lost`);
console.log(JSON.stringify({ calls, p50Ms: p50, ratio: p50.captured / p50.plain, lost: sink.lost }));
