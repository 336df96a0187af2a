import { Client, type Connection } from '@temporalio/client';
import { type Environment, type EnvironmentOptions, environmentWith } from '../config/environment.ts';
import { TuneloopError } from '../errors.ts';
import {
  connectClient,
  DATA_CONVERTER,
  type TemporalAddress,
  type TemporalTarget,
  temporalTarget,
} from '../worker/connection.ts';
import { webUiOf, webUrl } from './web-ui.ts';

/** Settings of a library object. Missing settings are read from the environment. */
export interface TuneloopOptions extends EnvironmentOptions {
  /**
   * The Temporal server: its address, a connection, or a ready client. Without it, the TEMPORAL_* variables, the Temporal
   * configuration file, what `tuneloop demo --keep` started for `home`, and 127.0.0.1:7233 decide, in this order. A
   * connection or client that is handed in stays open when the library object is closed.
   */
  temporal?: TemporalAddress | { connection: Connection; namespace?: string } | Client;
}

/** The settings and the connection that all functions of one library object share. It connects when first asked to. */
export class TuneloopSession {
  readonly environment: Environment;
  readonly #temporal: TuneloopOptions['temporal'];
  readonly #given: Client | undefined;
  #target: TemporalTarget | undefined;
  #connected: Promise<Client> | undefined;
  #closed = false;

  constructor({ temporal, ...options }: TuneloopOptions) {
    this.environment = environmentWith(options);
    this.#temporal = temporal;
    this.#given = givenClient(temporal);
  }

  /** The Temporal server. Its settings are read when they are first needed, because many functions need no server. */
  get target(): TemporalTarget {
    this.#target ??= targetOf(this.environment.home, this.#temporal, this.#given);
    return this.#target;
  }

  /**
   * The client of the Temporal server. The first call connects; a later call tries again if that failed.
   *
   * @throws TuneloopError TEMPORAL_UNREACHABLE, or USAGE after {@link close}
   */
  async client(): Promise<Client> {
    if (this.#closed) throw new TuneloopError('USAGE', 'this Tuneloop object is closed: create another one');
    if (this.#given) return this.#given;
    this.#connected ??= connectClient(this.target).catch((error: unknown) => {
      this.#connected = undefined;
      throw error;
    });
    return this.#connected;
  }

  /** The page of a workflow in Temporal's Web UI. */
  webUi(workflowId: string): string {
    return webUrl(webUiOf(this.environment, this.target), this.target.namespace, workflowId);
  }

  /** Closes the connection, if this object opened one. */
  async close(): Promise<void> {
    this.#closed = true;
    const client = await this.#connected?.catch(() => undefined);
    this.#connected = undefined;
    await client?.connection.close();
  }
}

function givenClient(temporal: TuneloopOptions['temporal']): Client | undefined {
  if (temporal instanceof Client) return temporal;
  if (!temporal || !('connection' in temporal)) return undefined;
  const { connection, namespace = 'default' } = temporal;
  return new Client({ connection, namespace, dataConverter: DATA_CONVERTER });
}

function targetOf(home: string, temporal: TuneloopOptions['temporal'], given: Client | undefined): TemporalTarget {
  if (!given) return temporalTarget(home, temporal && !('connection' in temporal) ? temporal : {});
  // Only links to the Web UI need the target of a client that was handed in.
  return { ...temporalTarget(home), namespace: given.options.namespace };
}

/** Turns an error of a provider into the error class of the library, with the same code and words. */
export async function asTuneloopError<Result>(request: Promise<Result>): Promise<Result> {
  try {
    return await request;
  } catch (error) {
    const { ProviderError } = await import('../providers/provider-error.ts');
    if (error instanceof ProviderError) throw new TuneloopError(error.code, error.message);
    throw error;
  }
}
