import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Alias } from '@tuneloop/app/internal/predict/alias';
import { readAlias } from '@tuneloop/app/internal/predict/alias-reader';
import type { Report } from '../report/report.ts';
import { parseReport } from '../report/report-schema.ts';
import type { Part } from './model-lineage.ts';

/** The report of a run, in the run's folder. */
export interface RunReport {
  folder: string;
  report: Part<Report>;
}

/** The newest alias of a deployment. */
export interface DeploymentAlias {
  pipeline: string;
  alias: Part<Alias>;
}

/**
 * All plain files below a folder, by name. Links are not followed, because their targets are not ours. A missing folder holds none, and an
 * unreadable one is reported to `onUnread`.
 */
export async function* filesUnder(
  folder: string,
  onUnread: (folder: string) => void = () => {},
): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') onUnread(folder);
    return [];
  });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* filesUnder(file, onUnread);
    else if (entry.isFile()) yield file;
  }
}

/** The reports of all runs that have ended, one by one. */
export async function* runReports(home: string): AsyncGenerator<RunReport> {
  for await (const file of filesUnder(path.join(home, 'runs'))) {
    if (path.basename(file) !== 'report.json') continue;
    const report = await known(async () => parseReport(await readFile(file, 'utf8'), file));
    yield { folder: path.dirname(file), report };
  }
}

/** The newest alias of each deployment. */
export async function deploymentAliases(home: string): Promise<DeploymentAlias[]> {
  const names = await readdir(path.join(home, 'deployments')).catch(() => []);
  const aliases: DeploymentAlias[] = [];
  for (const pipeline of names.sort()) {
    const alias = await known(() => readAlias(home, pipeline));
    if (!alias.known) aliases.push({ pipeline, alias });
    else if (alias.value) aliases.push({ pipeline, alias: { known: true, value: alias.value } });
  }
  return aliases;
}

/** The content, or the reason why it cannot be read. */
export async function known<T>(read: () => Promise<T>): Promise<Part<T>> {
  try {
    return { known: true, value: await read() };
  } catch (error) {
    return { known: false, why: error instanceof Error ? error.message : String(error) };
  }
}
