import { createServer, type Server } from 'node:net';
import { freePort } from '../../src/local/ports.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** Listens, and tells where. */
async function listen(port: number, host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  servers.push(server);
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return address.port;
}

async function stopListening(): Promise<void> {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
}

test('a wished port is given when nobody listens there', async () => {
  const port = await listen(0, '127.0.0.1');
  await stopListening();
  expect(await freePort(port)).toBe(port);
});

test.each(['127.0.0.1', '0.0.0.0'])('another port is given when somebody listens there on %s', async (host) => {
  const taken = await listen(0, host);
  const port = await freePort(taken);
  expect(port).not.toBe(taken);
  expect(port).toBeGreaterThan(0);
});

test('a port that is given can be listened on', async () => {
  const port = await freePort(await listen(0, '127.0.0.1'));
  expect(await listen(port, '127.0.0.1')).toBe(port);
});
