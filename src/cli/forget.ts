import type { Client } from '@temporalio/client';
import { artifactsOf } from '../client/runs.ts';
import type { Environment } from '../config/environment.ts';
import { readEnvironment } from '../config/environment.ts';
import { PIPELINE } from '../contract/search-attributes.ts';
import { plainLine } from '../core/text/format.ts';
import { TuneloopError } from '../errors.ts';
import type { LeftAtProvider } from '../lineage/provider-erasure.ts';
import { eraseRows, type OpenWork, type RowErasure } from '../lineage/row-erasure.ts';
import type { RowPlaces } from '../lineage/row-places.ts';
import { findRows, type RowQuery, rowPlaces } from '../lineage/row-search.ts';
import { connectProvider } from '../providers/connect.ts';
import { plansInProgress } from '../stores/plans-in-progress.ts';
import { trainerUrlOf } from '../stores/services-file.ts';
import { connectClient, temporalTarget } from '../worker/connection.ts';
import { EXIT } from './exit-codes.ts';
import { adviceFor, erasureText, placesText } from './forget-text.ts';
import { printResult, say } from './output.ts';

export interface ForgetOptions {
  json?: boolean;
  /** Looks for rows by an input that is written like theirs, instead of an id. */
  input?: string;
  /** Erases the places; without it, they are only listed. */
  yes?: boolean;
  /** Deletes files and models at the provider too. */
  atProvider?: boolean;
  /** Whether Temporal is asked which runs are open. */
  server?: boolean;
}

const PROGRESS_MS = 2000;

/**
 * `forget ID`: lists everything that holds a row, and with `--yes` erases it from the home folder. It prints no text of the row, and asks
 * no questions. The exit code is 0 where everything requested is done, and 3 where something is left or has to end first: then the same
 * command continues.
 *
 * @throws TuneloopError USAGE unless there is either an id or an input; ERASURE_BLOCKED while a run is open that has the row
 */
export async function forget(id: string | undefined, options: ForgetOptions): Promise<number> {
  const { json, yes = false, atProvider = false } = options;
  const query = queryOf(id, options.input);
  if (atProvider && !yes) throw new TuneloopError('USAGE', '--at-provider deletes, and needs --yes');
  const environment = readEnvironment();
  const home = { home: environment.home, artifacts: artifactsOf(environment) };
  const progress = new Progress(environment.home);
  try {
    const trainerUrl = trainerUrlOf(environment);
    const search = { trainerUrl, onFile: (file: string) => progress.file(file) };
    if (!yes) {
      const found = rowPlaces(await findRows(home, query, search));
      const advice = adviceFor(found);
      printResult(json, { ...found, advice }, () => placesText(found, advice));
      return EXIT.ok;
    }
    const erasure = await eraseRows(home, query, {
      ...search,
      atProvider,
      connect: (provider) => connectProvider(provider, trainerUrl).training,
      openWork: () => openWork(environment, options.server ?? true),
      onStep: (text) => progress.step(text),
    });
    printResult(json, erasedJson(erasure), () => erasureText(erasure, atProvider));
    return atProvider && erasure.left.length > 0 ? EXIT.environment : EXIT.ok;
  } finally {
    progress.stop();
  }
}

function queryOf(id = '', input = ''): RowQuery {
  if (id !== '' && input === '') return { id };
  if (id === '' && input.trim() !== '') return { input };
  throw new TuneloopError('USAGE', 'forget takes either the id of a row, or --input with the text of its input');
}

/** The output of `forget --yes --json`. */
export interface ErasedJson extends Omit<RowErasure, 'places' | 'atProvider'> {
  /** Places in the home; the row is no longer there. */
  erased: RowPlaces['places'];
  /** Places outside of the home, which were not touched. */
  yours: RowPlaces['places'];
  left: LeftAtProvider[];
}

function erasedJson({ places, atProvider: _, ...rest }: RowErasure): ErasedJson {
  return {
    ...rest,
    erased: places.filter(({ action }) => action !== 'none'),
    yours: places.filter(({ action }) => action === 'none'),
  };
}

/** Says the progress of a command every two seconds. */
class Progress {
  #files = 0;
  #now: string;
  readonly #timer: NodeJS.Timeout;

  constructor(home: string) {
    this.#now = `looking into ${home}`;
    this.#timer = setInterval(() => say(plainLine(this.#now)), PROGRESS_MS);
  }

  file(file: string): void {
    this.#files += 1;
    this.#now = `looked into ${this.#files} files, now ${file}`;
  }

  step(text: string): void {
    this.#now = text;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** The workflows that read or write rows while they are open. */
const WORKERS_ON_ROWS = ['fineTuningPipeline', 'retraining', 'labelling'];

/** @throws TuneloopError ERASURE_BLOCKED where no server says which runs are open. */
async function openWork({ home }: Environment, server: boolean): Promise<OpenWork[]> {
  const plans = (await plansInProgress(home)).map((id) => ({ id, pipeline: pipelineIn(id) }));
  return [...plans, ...(server ? await openWorkflows(home) : [])];
}

async function openWorkflows(home: string): Promise<OpenWork[]> {
  let client: Client;
  try {
    client = await connectClient(temporalTarget(home));
  } catch (error) {
    if (!(error instanceof TuneloopError)) throw error;
    throw new TuneloopError(
      'ERASURE_BLOCKED',
      `nothing was erased, because it is not known whether a run is open: ${error.message}. ` +
        'Add --no-server if no worker uses this home folder any more',
    );
  }
  try {
    const types = WORKERS_ON_ROWS.map((type) => `"${type}"`).join(', ');
    const open: OpenWork[] = [];
    const query = `ExecutionStatus = "Running" AND WorkflowType IN (${types})`;
    for await (const { workflowId, typedSearchAttributes } of client.workflow.list({ query })) {
      open.push({ id: workflowId, pipeline: typedSearchAttributes.get(PIPELINE) ?? pipelineIn(workflowId) });
    }
    return open;
  } finally {
    await client.connection.close();
  }
}

/** Of `retraining/shop-2026-11-23T10:00:00Z` it is `shop`. */
function pipelineIn(workflowId: string): string | null {
  return /^(?:retraining|plan)\/(.+?)-\d{4}-?\d{2}-?\d{2}/.exec(workflowId)?.[1] ?? null;
}
