import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export interface Received {
  method: string;
  /** With the query. */
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** An answer as data, or a function that does to the response the same as a broken server. */
export type Answer =
  | { status?: number; headers?: Record<string, string>; body?: unknown }
  | ((response: ServerResponse) => void);

export interface TinyServer {
  baseURL: string;
  received: Received[];
  /** The answers to the next requests. */
  answer: (request: Received) => Answer;
  close(): Promise<void>;
}

/** An HTTP server on a free port that remembers its requests. */
export async function tinyServer(): Promise<TinyServer> {
  const http = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const received = { method, url, headers, body };
      server.received.push(received);
      const answer = server.answer(received);
      if (typeof answer === 'function') {
        answer(response);
        return;
      }
      const { status = 200, headers: extra = {}, body: json = {} } = answer;
      const text = typeof json === 'string' ? json : JSON.stringify(json);
      response.writeHead(status, { 'content-type': 'application/json', ...extra }).end(text);
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const address = http.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  const server: TinyServer = {
    baseURL: `http://127.0.0.1:${address.port}/v1`,
    received: [],
    answer: () => ({ status: 500 }),
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return server;
}

/** The rejection of a promise. */
export async function rejection(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('the call did not fail');
}
