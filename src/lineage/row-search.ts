import { type ProviderItem, readErasure } from '../stores/erased-rows.ts';
import { AnswerKeys } from './answer-search.ts';
import { findIds, searchKeys, searchOtherArtifacts, searchVersions } from './artifact-search.ts';
import { FoundRows } from './found-rows.ts';
import { HomeIndex } from './home-index.ts';
import { searchLogs } from './log-search.ts';
import type { Home } from './model-parts.ts';
import { modelsOf } from './row-models.ts';
import type { RowModel, RowPlaces } from './row-places.ts';
import { searchRuns } from './run-search.ts';
import { searchTrainingFiles } from './training-file-search.ts';

/** Rows by the id in the log, or by an equal input. */
export type RowQuery = { id: string } | { input: string };

export interface RowSearchOptions {
  /** The address of the local trainer, a part of the keys of cached answers. */
  trainerUrl: string;
  onFile: (file: string) => void;
}

/** The findings of a search, with the facts that erasing needs. */
export interface RowSearch {
  found: FoundRows;
  models: RowModel[];
  atProvider: ProviderItem[];
}

/**
 * Looks for rows in everything that a home folder holds, and in the logs of its pipelines. Files are streamed; in memory
 * are ids, line numbers, hashes, and the inputs of the rows that match. Nothing is changed.
 */
export async function findRows(home: Home, query: RowQuery, options: RowSearchOptions): Promise<RowSearch> {
  const { onFile, trainerUrl } = options;
  const index = await HomeIndex.load(home);
  const found = new FoundRows(index);
  if ('id' in query) found.ids.add(query.id);
  else await findIds(found, query.input, onFile);
  const answers = new AnswerKeys(index.definitions, trainerUrl);
  await searchVersions(found, answers, onFile);
  await searchTrainingFiles(found);
  await searchOtherArtifacts(found, onFile);
  await searchKeys(found, onFile);
  await searchRuns(found, onFile);
  await searchLogs(found, onFile);
  await answers.search(index.home, found.places, onFile);
  if (answers.isFull) index.note('too many rows match, so not all of their cached answers were searched for');
  const models = await modelsOf(found);
  return {
    found,
    models: models.map(({ pipeline: _, ...model }) => model),
    atProvider: await itemsAtProvider(found, models),
  };
}

/** The findings of a search for people. */
export function rowPlaces({ found, models, atProvider }: RowSearch): RowPlaces {
  const { ids, places, index } = found;
  return { ids: [...ids].sort(), places: places.all(), models, atProvider, notes: [...index.notes] };
}

/** Files and models of the pipelines that hold a row, and those that earlier erasures have left. */
async function itemsAtProvider(
  { index, uploads, ids }: FoundRows,
  models: readonly (RowModel & { pipeline: string })[],
): Promise<ProviderItem[]> {
  const items = new Map<string, ProviderItem>();
  const add = (item: ProviderItem) => items.set(JSON.stringify([item.kind, item.name, item.provider]), item);
  const providersOf = (pipeline: string) =>
    index.definitions.filter(({ name }) => name === pipeline).map(({ provider }) => provider);
  for (const { pipeline, name, bytes } of uploads.values()) {
    for (const provider of providersOf(pipeline)) add({ kind: 'file', provider, name, bytes });
  }
  for (const { model, pipeline } of models) {
    for (const provider of model === null ? [] : providersOf(pipeline)) {
      if (model !== null) add({ kind: 'model', provider, name: model });
    }
  }
  for (const id of ids) for (const item of (await readErasure(index.home, id))?.atProvider ?? []) add(item);
  return [...items.values()];
}
