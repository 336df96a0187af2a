import type { Alias } from '@tuneloop/app/internal/predict/alias';
import type { FoundRows } from './found-rows.ts';
import { deploymentAliases } from './home-files.ts';
import { rolesOf } from './model-lineage.ts';
import { deployedModels } from './model-parts.ts';
import type { RowModel } from './row-places.ts';
import type { StoredVersion } from './stored-versions.ts';

/** The models of runs on versions in whose training or validation files a row is, with the pipeline of each. */
export async function modelsOf(found: FoundRows): Promise<(RowModel & { pipeline: string })[]> {
  const { index } = found;
  const aliases = (await deploymentAliases(index.home)).flatMap(({ pipeline, alias }) => {
    if (alias.known) return [alias.value];
    index.note(`the alias of ${pipeline} cannot be read, so its deployed models are not marked: ${alias.why}`);
    return [];
  });
  return index.versions.flatMap((version) => {
    if (!found.isIn(version.manifest, 'train') && !found.isIn(version.manifest, 'validation')) return [];
    const models = modelsOfVersion(found, version, aliases);
    return models.map((model) => ({ ...model, pipeline: version.pipeline }));
  });
}

function modelsOfVersion(found: FoundRows, version: StoredVersion, aliases: readonly Alias[]): RowModel[] {
  const { index } = found;
  const { files } = version.manifest;
  const isIn = (side: 'train' | 'validation') => found.isIn(version.manifest, side);
  const servesAs = (model: string | null) => (model === null ? [] : aliases.flatMap((alias) => rolesOf(alias, model)));
  const models: RowModel[] = [];
  const reports = index.reportsOn(version);
  if (reports.length === 0)
    index.note(`no run on ${version.name} has a report here: look for its jobs at the provider`);
  for (const { runId: run, candidates } of reports) {
    for (const candidate of candidates) {
      const { jobId, half, treatment, checkpoints } = candidate;
      if (jobId === null) continue;
      const file = files.find((each) => each.treatment === treatment)?.train.sha256;
      const trained = isIn('train') && (!half || file === undefined || found.halves.has(file));
      if (!trained && !isIn('validation')) continue;
      const use = trained ? 'trained' : 'validated';
      for (const { id: contender, model } of [candidate, ...checkpoints]) {
        models.push({ model, contender, run, jobId, dataset: version.name, use, serves: servesAs(model) });
      }
    }
  }
  // Proposed by a run whose report is gone.
  for (const { model, run, candidate: contender, manifest } of deployedModels(aliases)) {
    if (manifest.sha256 !== version.manifestHash || models.some((each) => each.model === model)) continue;
    const use = isIn('train') ? 'trained' : 'validated';
    models.push({ model, contender, run, jobId: null, dataset: version.name, use, serves: servesAs(model) });
  }
  return models;
}
