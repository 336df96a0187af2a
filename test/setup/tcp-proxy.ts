import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { randomShares, spread } from '@tuneloop/app/internal/shared/random';

/** The effect of a bad line on each piece of data that a client sends. */
export interface Disturbance {
  latencyMs: number;
  /** Of a connection that is reset: half of them before the piece was passed on, half of them after. */
  resetProbability: number;
  seed: number;
}

export interface TcpProxy {
  /** `host:port`. */
  address: string;
  /** Connections that were reset by a disturbance. */
  resets: number;
  /**
   * Cuts the line. `reset`: connections break, and new ones as well. `silent`: nothing arrives any more and no side gets an error, as when
   * a cable is pulled out.
   */
  cut(how: 'reset' | 'silent'): void;
  /** Ends cuts and disturbances; data that a silent cut held back arrives. */
  heal(): void;
  disturb(disturbance: Disturbance): void;
  close(): Promise<void>;
}

/** A line between two processes, below HTTP and gRPC, that can be cut, slowed down and broken. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const [host = '', port = ''] = target.split(':');
  const sockets = new Set<Socket>();
  const waiting: (() => void)[] = [];
  let state: 'open' | 'reset' | 'silent' = 'open';
  let bad: (Disturbance & { random: () => number }) | null = null;

  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => sockets.delete(socket));
    // The other end sees it as well.
    socket.on('error', () => {});
    return socket;
  };
  const passable = async () => {
    while (state === 'silent') await new Promise<void>((resolve) => waiting.push(resolve));
  };
  /** Piece by piece, in order. */
  const pipe = async (from: Socket, to: Socket, isRequest: boolean) => {
    for await (const piece of from as AsyncIterable<Buffer>) {
      await passable();
      if (isRequest && bad) {
        const { latencyMs, resetProbability, random } = bad;
        await delay(latencyMs);
        const fate = random();
        if (fate < resetProbability) {
          if (fate < resetProbability / 2) to.write(piece);
          proxy.resets += 1;
          from.resetAndDestroy();
          to.end();
          return;
        }
      }
      to.write(piece);
    }
    await passable();
    to.end();
  };
  const server = createServer((client) => {
    track(client);
    if (state === 'reset') {
      client.resetAndDestroy();
      return;
    }
    const upstream = track(connect(Number(port), host));
    for (const [from, to, isRequest] of [
      [client, upstream, true],
      [upstream, client, false],
    ] as const) {
      pipe(from, to, isRequest).catch(() => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = server.address();
  if (typeof own !== 'object' || !own) throw new Error('no port');

  const proxy: TcpProxy = {
    address: `127.0.0.1:${own.port}`,
    resets: 0,
    cut(how) {
      state = how;
      if (how === 'reset') for (const socket of sockets) socket.resetAndDestroy();
    },
    heal() {
      state = 'open';
      bad = null;
      for (const go of waiting.splice(0)) go();
    },
    disturb(disturbance) {
      bad = { ...disturbance, random: randomShares(spread(disturbance.seed)) };
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      proxy.heal();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return proxy;
}
