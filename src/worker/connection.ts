import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnection } from '@temporalio/worker';
import { TuneloopError } from '../errors.ts';
import { readServices } from '../stores/services-file.ts';

/** The address of Temporal, and the options of connections to it. */
export interface TemporalTarget {
  address: string;
  namespace: string;
  /** Whether a variable or a configuration file names the server; otherwise it is the one on this machine. */
  named: boolean;
  connect: ReturnType<typeof loadClientConnectConfig>['connectionOptions'];
}

/** Of every client, worker and bundle; the SDK loads the converter by its path. */
export const DATA_CONVERTER = {
  failureConverterPath: path.join(import.meta.dirname, `failure-converter${path.extname(import.meta.filename)}`),
} satisfies DataConverter;

/** A server that a program names itself; each field wins over the TEMPORAL_* variables and the configuration file. */
export interface TemporalAddress {
  /** Host and port, for example `127.0.0.1:7233`. */
  address?: string;
  namespace?: string;
}

const DEFAULT_ADDRESS = '127.0.0.1:7233';
const CONNECT_TIMEOUT_MS = 5000;

/**
 * The server to use: as the program says; else as TEMPORAL_* variables or the Temporal configuration file say; else the one that was
 * started for this home folder; else the usual port on this machine.
 */
export function temporalTarget(home: string, explicit: TemporalAddress = {}): TemporalTarget {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  const named = explicit.address ?? connectionOptions.address;
  const address = named ?? readServices(home)?.temporal?.address ?? DEFAULT_ADDRESS;
  return {
    address,
    namespace: explicit.namespace ?? namespace ?? 'default',
    named: named !== undefined,
    connect: { ...connectionOptions, address },
  };
}

/** @throws TuneloopError TEMPORAL_UNREACHABLE naming the address and what to do. */
export async function connectClient(target: TemporalTarget): Promise<Client> {
  try {
    const connection = await Connection.connect({ ...target.connect, connectTimeout: CONNECT_TIMEOUT_MS });
    return new Client({ connection, namespace: target.namespace, dataConverter: DATA_CONVERTER });
  } catch {
    throw unreachable(target);
  }
}

/** As {@link connectClient}, for a worker. Clients use this module too, and need not load the packages of a worker. */
export async function connectWorker(target: TemporalTarget): Promise<NativeConnection> {
  const { NativeConnection } = await import('@temporalio/worker');
  try {
    return await NativeConnection.connect(target.connect);
  } catch {
    throw unreachable(target);
  }
}

function unreachable({ address, named }: TemporalTarget): TuneloopError {
  return new TuneloopError(
    'TEMPORAL_UNREACHABLE',
    `no Temporal server answers at ${address}: ${
      named
        ? 'check TEMPORAL_ADDRESS'
        : 'start everything with `npm run demo -- --keep`, or set TEMPORAL_ADDRESS to a server of your own'
    }`,
  );
}
