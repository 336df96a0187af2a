import type { Client } from '@temporalio/client';
import { type Environment, readEnvironment } from '../config/environment.ts';
import { connectClient, type TemporalTarget, temporalTarget } from '../temporal/connection.ts';

export interface Session {
  environment: Environment;
  target: TemporalTarget;
  client: Client;
}

/** Gives a command a connection to Temporal and closes it afterwards. */
export async function withSession<T>(command: (session: Session) => Promise<T>): Promise<T> {
  const environment = readEnvironment();
  const target = temporalTarget(environment.home);
  const client = await connectClient(target);
  try {
    return await command({ environment, target, client });
  } finally {
    await client.connection.close();
  }
}
