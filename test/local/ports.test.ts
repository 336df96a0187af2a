import { createServer, type Server } from 'node:net';
import { reservePort } from '../../src/local/ports.ts';

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

test('a wished port is given when no program listens there', async () => {
  const wished = await listen(0, '127.0.0.1');
  await stopListening();
  const { port, release } = await reservePort(wished);
  release();
  expect(port).toBe(wished);
});

test.each(['127.0.0.1', '0.0.0.0'])('another port is given when a program listens there on %s', async (host) => {
  const taken = await listen(0, host);
  const { port } = await reservePort(taken);
  expect(port).not.toBe(taken);
  expect(port).toBeGreaterThan(0);
});

test('a given port can be listened on', async () => {
  const { port } = await reservePort(await listen(0, '127.0.0.1'));
  expect(await listen(port, '127.0.0.1')).toBe(port);
});

test('a reserved port is given to no other process until it is released, though no program listens there yet', async () => {
  const wished = await listen(0, '127.0.0.1');
  await stopListening();
  const first = await reservePort(wished);
  const second = await reservePort(wished);
  first.release();
  const third = await reservePort(wished);
  third.release();
  expect(first.port).toBe(wished);
  expect(second.port).not.toBe(wished);
  expect(third.port).toBe(wished);
});
