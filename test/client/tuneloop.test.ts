import { createServer, type Server, type Socket } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { createTuneloop, TuneloopError } from '../../src/client/tuneloop.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const home = temporaryFolder();

/** A server that counts connections, and never answers. */
async function silentServer(): Promise<{ address: string; connections: () => number; close: () => void }> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server has no port');
  return {
    address: `127.0.0.1:${bound.port}`,
    connections: () => sockets.length,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe('a library object', () => {
  test('a library object opens no connection for a function that needs no server', async () => {
    const server = await silentServer();
    const tuneloop = createTuneloop({ home, temporal: { address: server.address } });
    await expect(tuneloop.runs.report('shop/1')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    await expect(tuneloop.runs.compare('shop/1', 'shop/2')).rejects.toBeInstanceOf(TuneloopError);
    await expect(tuneloop.runs.predict('shop', 'hello')).rejects.toMatchObject({ code: 'DEPLOYMENT_NOT_FOUND' });
    await expect(tuneloop.datasets.get('shop')).rejects.toMatchObject({ code: 'DATASET_NOT_FOUND' });
    expect(await tuneloop.datasets.list()).toEqual([]);
    await expect(tuneloop.labels.exportSheet('nowhere.yaml', 'sheet.csv')).rejects.toMatchObject({
      code: 'PIPELINE_INVALID',
    });
    expect(server.connections()).toBe(0);
    await tuneloop.close();
    server.close();
  });

  test('a library object throws a TuneloopError that names the address where no server answers', async () => {
    const server = await silentServer();
    server.close();
    const tuneloop = createTuneloop({ home, temporal: { address: server.address } });
    const refused = tuneloop.runs.list();
    await expect(refused).rejects.toBeInstanceOf(TuneloopError);
    await expect(refused).rejects.toMatchObject({
      code: 'TEMPORAL_UNREACHABLE',
      message: expect.stringContaining(server.address),
    });
    await tuneloop.close();
  });

  test('a closed library object refuses to be used', async () => {
    const tuneloop = createTuneloop({ home });
    await tuneloop.close();
    await expect(tuneloop.runs.list()).rejects.toMatchObject({ code: 'USAGE' });
  });

  test('a library object leaves a client open that was handed in', async () => {
    const connection = Connection.lazy({ address: '127.0.0.1:1' });
    const close = jest.spyOn(connection, 'close');
    const tuneloop = createTuneloop({ home, temporal: new Client({ connection }) });
    await tuneloop.close();
    expect(close).not.toHaveBeenCalled();
    await connection.close();
  });

  test('a library object leaves a connection open that was handed in', async () => {
    const connection = Connection.lazy({ address: '127.0.0.1:1' });
    const close = jest.spyOn(connection, 'close');
    const tuneloop = createTuneloop({ home, temporal: { connection, namespace: 'shop' } });
    expect(tuneloop.session.webUi('shop/1')).toContain('/namespaces/shop/workflows/shop%2F1');
    await tuneloop[Symbol.asyncDispose]();
    expect(close).not.toHaveBeenCalled();
    await connection.close();
  });

  test('a library object writes nothing to standard output or standard error', async () => {
    const out = jest.spyOn(process.stdout, 'write');
    const err = jest.spyOn(process.stderr, 'write');
    const tuneloop = createTuneloop({ home });
    await tuneloop.runs.report('shop/1').catch(() => undefined);
    expect(out).not.toHaveBeenCalled();
    expect(err).not.toHaveBeenCalled();
    out.mockRestore();
    err.mockRestore();
    await tuneloop.close();
  });

  test.each(['', ' ', 'x'.repeat(1001)])(
    'a library object refuses a reason that no alias should carry before a server is asked',
    async (why) => {
      const tuneloop = createTuneloop({ home });
      await expect(tuneloop.deployments.approve('shop', { why })).rejects.toMatchObject({ code: 'USAGE' });
      await tuneloop.close();
    },
  );

  test.each([0, -1, 1.5, Number.NaN])(
    'a library object refuses a canary with a share of %d before a server is asked',
    async (share) => {
      const tuneloop = createTuneloop({ home });
      await expect(tuneloop.deployments.setCanary('shop', share, { why: 'x' })).rejects.toMatchObject({
        code: 'USAGE',
      });
      await tuneloop.close();
    },
  );
});
