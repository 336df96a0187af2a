import type { Alias } from '@tuneloop/app/internal/predict/alias';
import type { DatasetVersion } from '../contract/stored/dataset-version.ts';
import { MANIFEST } from '../contract/stored/manifest.ts';
import { SNAPSHOT } from '../contract/stored/snapshot.ts';
import type { Manifest } from '../core/dataset/manifest.ts';
import type { DeployedModel } from '../core/deployment/deployed-model.ts';
import type { Decision } from '../core/deployment/deployment.ts';
import { TuneloopError } from '../errors.ts';
import type { Report } from '../report/report.ts';
import type { ArtifactStore } from '../stores/artifact-store.ts';
import { DatasetVersions, versionName } from '../stores/dataset-versions.ts';
import { stateInAlias } from '../stores/state-in-alias.ts';
import { loadStored } from '../stores/stored-objects.ts';
import { deploymentAliases, known, type RunReport, runReports } from './home-files.ts';
import { findContender, type LineageParts, type LoadedVersion, type Part, type Uploads } from './model-lineage.ts';

/** The facts that only Temporal knows. */
export interface WorkflowMemory {
  /** The decisions of a pipeline's deployment. */
  decisions(pipeline: string): Promise<Part<Decision[]>>;
  /** The files that were uploaded for the job of a candidate. */
  uploads(run: string, candidate: string): Promise<Part<Uploads>>;
}

export interface Home {
  home: string;
  artifacts: ArtifactStore;
}

/** A model of which only the name is known. */
interface Named extends Pick<LineageParts, 'run' | 'pipeline' | 'contender' | 'model' | 'deployed'> {
  report: Part<Report>;
}

/** If a model is not found, at most this many are named. */
const MODELS_NAMED = 5;

/**
 * Loads everything known about a model. A missing or damaged part becomes an unknown part.
 *
 * @param name a provider's id, a contender of a run, also as `<run>/<contender>`, or a deployment for its champion.
 * @throws TuneloopError DEPLOYMENT_NOT_FOUND where nothing has this name, USAGE where contenders of several runs have it.
 */
export async function loadModel(
  { home, artifacts }: Home,
  name: string,
  memory: WorkflowMemory,
): Promise<LineageParts> {
  const aliases = (await deploymentAliases(home)).flatMap(({ alias }) => (alias.known ? [alias.value] : []));
  const named = await findModel(home, aliases, name);
  const { pipeline, run, contender, report, deployed } = named;
  const version = await versionOf({ home, artifacts }, named);
  const parents = version.known ? await parentsOf({ home, artifacts }, pipeline, version.value.manifest) : [];
  const candidate = report.known ? findContender(report.value, ({ id }) => id === contender)?.candidate.id : undefined;
  return {
    run,
    pipeline,
    contender,
    model: named.model,
    report,
    deployed,
    aliases,
    version,
    parents,
    snapshot: version.known
      ? await known(() => loadStored(SNAPSHOT, artifacts, version.value.manifest.snapshot))
      : { known: false, why: 'its dataset version cannot be read' },
    uploads: await memory.uploads(run, candidate ?? contender.replace(/@\d+$/, '')),
    decisions: await decisionsOf(memory, aliases, pipeline),
  };
}

/** The deployment's own answer, or else the content of its newest alias. */
async function decisionsOf(
  memory: WorkflowMemory,
  aliases: readonly Alias[],
  pipeline: string,
): Promise<LineageParts['decisions']> {
  const told = await memory.decisions(pipeline);
  if (told.known) return { known: true, value: { from: 'deployment', all: told.value } };
  const newest = aliases.find((alias) => alias.pipeline === pipeline);
  const state = newest && stateInAlias(newest);
  return state ? { known: true, value: { from: 'alias', all: state.decisions } } : told;
}

async function findModel(home: string, aliases: readonly Alias[], name: string): Promise<Named> {
  const deployment = aliases.find(({ pipeline }) => pipeline === name);
  const wanted = deployment ? championOf(deployment) : name;
  const byModel: Named[] = [];
  const byContender: Named[] = [];
  const newest: { at: string; model: string }[] = [];
  for await (const { report: part, folder } of runReports(home)) {
    if (!part.known) continue;
    const named = (is: Parameters<typeof findContender>[1]) => namedIn({ report: part, folder }, part.value, is);
    byModel.push(...named(({ model }) => model === wanted));
    if (!deployment) byContender.push(...named(({ id }) => id === name || `${part.value.runId}/${id}` === name));
    const { createdAt: at, winnerModel } = part.value;
    if (winnerModel !== null) newest.push({ at, model: winnerModel });
    newest.sort((a, b) => (a.at > b.at ? -1 : 1)).splice(MODELS_NAMED);
  }
  const deployed = deployedModels(aliases);
  const [found, another] = byModel.length > 0 ? byModel : byContender;
  if (found && another) {
    const runs = (byModel.length > 0 ? byModel : byContender).map(({ run, contender }) => `${run}/${contender}`);
    const shown = runs.sort().toReversed().slice(0, MODELS_NAMED).join(', ');
    throw new TuneloopError('USAGE', `${name} is a contender of ${runs.length} runs: name one of them, as in ${shown}`);
  }
  if (found) return { ...found, deployed: deployed.find(({ model }) => model === found.model) ?? null };
  const proposed = deployed.find(({ model, run, candidate }) => model === wanted || `${run}/${candidate}` === name);
  if (proposed) return fromAlias(proposed);
  throw new TuneloopError(
    'DEPLOYMENT_NOT_FOUND',
    notFound(
      name,
      newest.map(({ model }) => model),
      aliases,
    ),
  );
}

function namedIn(
  { report }: RunReport,
  { runId: run, pipeline, candidates }: Report,
  is: Parameters<typeof findContender>[1],
): Named[] {
  const found = findContender({ candidates }, is);
  return found
    ? [{ run, pipeline, contender: found.contended.id, model: found.contended.model, report, deployed: null }]
    : [];
}

/** A model whose run has no report on this machine. */
function fromAlias(deployed: DeployedModel): Named {
  const { model, run, candidate: contender, datasetVersion } = deployed;
  const pipeline = datasetVersion.replace(/@\d+$/, '');
  const why = `the report of ${run} is not on this machine: client and workers must share one TUNELOOP_HOME`;
  return { run, pipeline, contender, model, report: { known: false, why }, deployed };
}

function championOf({ pipeline, champion }: Alias): string {
  if (champion) return champion.model;
  throw new TuneloopError(
    'DEPLOYMENT_NOT_FOUND',
    `${pipeline} has no champion: the original prompt serves. Name the model to explain`,
  );
}

export function deployedModels(aliases: readonly Alias[]): DeployedModel[] {
  return aliases.flatMap((alias) => {
    const state = stateInAlias(alias);
    return state ? [state.champion, state.challenger, ...state.previous].filter((model) => model !== null) : [];
  });
}

function notFound(model: string, models: readonly string[], aliases: readonly Alias[]): string {
  const shown = JSON.stringify(model).slice(0, 200);
  const deployments = aliases.map(({ pipeline }) => pipeline);
  const there = [
    ...(models.length > 0 ? [`the newest winners are ${models.join(', ')}`] : []),
    ...(deployments.length > 0 ? [`deployments are ${deployments.slice(0, MODELS_NAMED).join(', ')}`] : []),
  ];
  return `no run on this machine has made a model ${shown}: ${there.length > 0 ? there.join('; ') : 'a run makes the first one'}`;
}

async function versionOf(
  { home, artifacts }: Home,
  { pipeline, report, deployed }: Named,
): Promise<Part<LoadedVersion>> {
  const hash = report.known ? report.value.dataset.version : deployed?.manifest.sha256;
  if (hash === undefined)
    return { known: false, why: 'the record does not say which dataset version it was trained on' };
  const versions = await known(() => new DatasetVersions(home).list(pipeline));
  if (versions.known) {
    const version = versions.value.find(({ manifest }) => manifest.sha256.startsWith(hash));
    if (version) return loadVersion(artifacts, version);
  }
  // Its artifact may exist although the list of versions does not have it.
  if (deployed?.manifest.sha256.startsWith(hash)) {
    const { datasetVersion, manifest } = deployed;
    return known(async () => ({
      version: datasetVersion,
      ref: manifest,
      createdAt: 'unknown',
      manifest: await loadStored(MANIFEST, artifacts, manifest),
    }));
  }
  return versions.known
    ? { known: false, why: `${pipeline} has no dataset version ${hash} in ${home}` }
    : { known: false, why: versions.why };
}

function loadVersion(artifacts: ArtifactStore, { pipeline, number, manifest: ref, createdAt }: DatasetVersion) {
  return known<LoadedVersion>(async () => ({
    version: versionName({ pipeline, number }),
    ref,
    createdAt,
    manifest: await loadStored(MANIFEST, artifacts, ref),
  }));
}

/** Up to the first version, or the first unreadable one, because only it knows its own parent. */
async function parentsOf(
  { home, artifacts }: Home,
  pipeline: string,
  manifest: Manifest,
): Promise<Part<LoadedVersion>[]> {
  const parents: Part<LoadedVersion>[] = [];
  const listed = await known(() => new DatasetVersions(home).list(pipeline));
  const versions = listed.known ? listed.value : [];
  for (let parent = manifest.parent; parent !== null; ) {
    const { number, sha256 } = parent;
    const version = versions.find((each) => each.manifest.sha256 === sha256);
    const loaded: Part<LoadedVersion> = version
      ? await loadVersion(artifacts, version)
      : { known: false, why: `${versionName({ pipeline, number })} (${sha256.slice(0, 16)}) is not on this machine` };
    parents.push(loaded);
    // A version's parent is an older one; anything else would never end.
    parent = loaded.known && (loaded.value.manifest.parent?.number ?? 0) < number ? loaded.value.manifest.parent : null;
  }
  return parents;
}
