import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { pino } from 'pino';
import { createActivities } from '../../src/activities/create-activities.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import { readPrices } from '../../src/config/prices.ts';
import type { Manifest } from '../../src/core/dataset/manifest.ts';
import type { Example, LogRow } from '../../src/core/dataset/row.ts';
import type { Side } from '../../src/core/dataset/side.ts';
import type { Dataset } from '../../src/core/run/dataset.ts';
import type { Snapshot, SnapshotRef } from '../../src/core/run/snapshot.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { temporaryHome } from './cli.ts';
import { readJson, readJsonRows } from './read-artifact.ts';

/** Makes dataset versions with the activities of a run, without a server. */
export class DatasetBench {
  readonly home: string;
  readonly artifacts: FileStore;
  readonly remove: () => void;
  readonly #activities: ReturnType<typeof createActivities>;

  constructor() {
    const { home, remove } = temporaryHome();
    this.home = home;
    this.remove = remove;
    this.artifacts = new FileStore(path.join(home, 'artifacts'));
    this.#activities = createActivities({
      artifacts: this.artifacts,
      home,
      prices: readPrices(undefined),
      connectProvider: () => {
        throw new Error('no provider is asked for a dataset');
      },
      temporal: new Client({ connection: Connection.lazy() }),
      monthlyBudgetUsd: null,
      log: pino({ level: 'silent' }),
    });
  }

  /** Where a log of this name lies; written anew if rows are given. */
  log(name: string, rows?: readonly object[] | string | Buffer): string {
    const file = path.join(this.home, 'logs', name);
    mkdirSync(path.dirname(file), { recursive: true });
    if (rows !== undefined) {
      const isText = typeof rows === 'string' || Buffer.isBuffer(rows);
      writeFileSync(file, isText ? rows : rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    }
    return file;
  }

  /** Reads the log of a pipeline as a run does. It throws the error that Temporal would get. */
  async collect(pipeline: Record<string, unknown>): Promise<{ snapshot: SnapshotRef; rows: LogRow[] }> {
    const definition = await this.define(pipeline);
    const snapshot = await this.run('collect', { definition });
    const { segments } = await readJson<Snapshot>(this.artifacts, snapshot.ref);
    const rows = await Promise.all(segments.map((segment) => readJsonRows<LogRow>(this.artifacts, segment)));
    return { snapshot, rows: rows.flat() };
  }

  /** The next dataset version of a pipeline. */
  async build(pipeline: Record<string, unknown>): Promise<{ dataset: Dataset; manifest: Manifest }> {
    const definition = await this.define(pipeline);
    const snapshot = await this.run('collect', { definition });
    const dataset = await this.run('prepare', { definition, snapshot });
    return { dataset, manifest: await readJson<Manifest>(this.artifacts, dataset.manifest) };
  }

  examples({ examples }: Dataset, side: Side): Promise<Example[]> {
    return readJsonRows<Example>(this.artifacts, examples[side]);
  }

  trainingFile({ files: [files] }: Dataset): string[] {
    if (!files) throw new Error('there is no training file');
    const { sha256 } = files.train;
    const file = path.join(this.home, 'artifacts', sha256.slice(0, 2), sha256);
    return readFileSync(file, 'utf8').trim().split('\n');
  }

  define(pipeline: Record<string, unknown>) {
    const written = { name: 'shop', task: 'classification', candidates: { models: ['local-nano'] }, ...pipeline };
    return writeJson(this.artifacts, pipelineSchema.parse(written));
  }

  /** An activity as a worker runs it, one attempt. */
  run<Name extends 'collect' | 'prepare' | 'compareData' | 'compareWithChampion'>(
    name: Name,
    input: Parameters<ReturnType<typeof createActivities>[Name]>[0],
  ): Promise<Awaited<ReturnType<ReturnType<typeof createActivities>[Name]>>> {
    const environment = new MockActivityEnvironment(
      { workflowExecution: { workflowId: 'shop/run', runId: 'execution' } },
      // The tests cause failures, so nothing is logged.
      { logger: new DefaultLogger('ERROR') },
    );
    return environment.run(this.#activities[name] as (input: unknown) => Promise<never>, input);
  }
}
