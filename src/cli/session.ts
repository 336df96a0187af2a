import type { Client } from '@temporalio/client';
import { createTuneloop, type Tuneloop } from '../client/tuneloop.ts';
import type { Environment } from '../config/environment.ts';
import type { TemporalTarget } from '../worker/connection.ts';

export interface Session {
  tuneloop: Tuneloop;
  environment: Environment;
  target: TemporalTarget;
  client: Client;
}

/** Gives a command the library, connected to Temporal before anything else is done, and closes it afterwards. */
export function withSession<T>(command: (session: Session) => Promise<T>): Promise<T> {
  return withTuneloop(async (tuneloop) => {
    const { environment, target } = tuneloop.session;
    const client = await tuneloop.session.client();
    return command({ tuneloop, environment, target, client });
  });
}

/** Gives a command the library, which connects to Temporal only where a function of it has to. */
export async function withTuneloop<T>(command: (tuneloop: Tuneloop) => Promise<T>): Promise<T> {
  const tuneloop = createTuneloop();
  try {
    return await command(tuneloop);
  } finally {
    await tuneloop.close();
  }
}
