import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Decision } from '../../src/core/deployment/deployment.ts';
import { artifactStates } from '../../src/lineage/artifact-states.ts';
import { artifactsOfLineage, type Lineage, modelLineage } from '../../src/lineage/model-lineage.ts';
import { loadModel, type WorkflowMemory } from '../../src/lineage/model-parts.ts';
import { writeAlias } from '../../src/stores/aliases.ts';
import { runFolder } from '../../src/stores/run-folder.ts';
import { sampleReport } from '../report/sample-report.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';
import { SampleHome } from './sample-home.ts';

const root = temporaryFolder();
let sample: SampleHome;
beforeEach(() => {
  sample = new SampleHome(root);
});

const RUN = 'support/20261123-081530-042';
const CONTENDER = 'local-base-lr1-e4';
const MODEL = 'ft:local-base:support-triage:8f3a';

const silent: WorkflowMemory = {
  decisions: async () => ({ known: false, why: 'nobody answers' }),
  uploads: async () => ({ known: false, why: 'nobody answers' }),
};

async function lineageOf(name: string, memory = silent, verify = false): Promise<Lineage> {
  const { home, artifacts } = sample;
  const parts = await loadModel({ home, artifacts }, name, memory);
  const states = await artifactStates(home, artifacts, artifactsOfLineage(parts), { verify, onRead: () => {} });
  return modelLineage(parts, states);
}

function contentOf<T>(part: { known: true; value: T } | { known: false; why: string }): T {
  if (!part.known) throw new Error(`not known: ${part.why}`);
  return part.value;
}

/** Another model of the same run, as a report has it. */
const candidatesWith = (model: string) =>
  sampleReport().candidates.map((candidate) => (candidate.id === CONTENDER ? { ...candidate, model } : candidate));

const fileOf = (sha256: string) => path.join(sample.home, 'artifacts', sha256.slice(0, 2), sha256);

const decision = (number: number, changes: Partial<Decision>): Decision => ({
  number,
  at: '2026-11-23T10:00:00.000Z',
  kind: 'approved',
  model: MODEL,
  run: RUN,
  by: 'person:ana',
  why: 'good',
  ...changes,
});

describe('a model', () => {
  test('a model is found by its id, by its contender with and without the run, and as the champion of a deployment', async () => {
    const version = await sample.addVersion();
    sample.addReport(RUN, version, { candidates: candidatesWith(MODEL) });
    await writeAlias(sample.home, await sample.alias(await sample.deployed(MODEL, RUN, CONTENDER, version)));
    const expected = {
      model: MODEL,
      contender: CONTENDER,
      run: RUN,
      serves: [{ deployment: 'support', as: 'champion' }],
    };
    for (const name of [MODEL, CONTENDER, `${RUN}/${CONTENDER}`, 'support']) {
      expect(await lineageOf(name)).toMatchObject(expected);
    }
  });

  test('a checkpoint of a candidate has the training of the candidate and the epoch', async () => {
    const version = await sample.addVersion();
    const [candidate] = candidatesWith(MODEL).filter(({ id }) => id === CONTENDER);
    if (!candidate) throw new Error('no candidate');
    const checkpoint = { ...candidate, id: `${CONTENDER}@2`, model: `${MODEL}:ckpt-2`, checkpoints: [] };
    sample.addReport(RUN, version, { candidates: [{ ...candidate, checkpoints: [checkpoint] }] });
    const { training, contender, evaluation } = await lineageOf(`${MODEL}:ckpt-2`);
    expect(contender).toBe(`${CONTENDER}@2`);
    expect(contentOf(training)).toMatchObject({ jobId: candidate.jobId, checkpoint: 2, baseModel: 'local-base' });
    expect(contentOf(evaluation)).toMatchObject({ isWinner: false, contenders: 2 });
  });

  test('an unknown model is an error that names the newest winners', async () => {
    const version = await sample.addVersion();
    for (const number of [1, 2, 3, 4, 5, 6, 7]) {
      const createdAt = `2026-11-0${number}T00:00:00.000Z`;
      sample.addReport(`support/${number}`, version, { createdAt, winnerModel: `ft:model-${number}` });
    }
    const error = await lineageOf('ft:nobody').catch((found) => found);
    expect(error.code).toBe('DEPLOYMENT_NOT_FOUND');
    expect(error.message).toContain('"ft:nobody"');
    expect(error.message).toContain('ft:model-7, ft:model-6, ft:model-5, ft:model-4, ft:model-3');
    expect(error.message).not.toContain('ft:model-2');
  });

  test('a name that contenders of several runs have is an error that names them', async () => {
    const version = await sample.addVersion();
    for (const name of ['a', 'b']) {
      sample.addReport(`support/${name}`, version, { candidates: candidatesWith(`ft:${name}`) });
    }
    const error = await lineageOf(CONTENDER).catch((found) => found);
    expect(error.code).toBe('USAGE');
    expect(error.message).toContain(`support/b/${CONTENDER}, support/a/${CONTENDER}`);
    expect((await lineageOf(`support/a/${CONTENDER}`)).model).toBe('ft:a');
  });

  test('a deployment without a champion has no model', async () => {
    const version = await sample.addVersion();
    const alias = await sample.alias(await sample.deployed(MODEL, RUN, CONTENDER, version));
    await writeAlias(sample.home, { ...alias, champion: null });
    await expect(lineageOf('support')).rejects.toMatchObject({ code: 'DEPLOYMENT_NOT_FOUND' });
  });
});

describe('its dataset version', () => {
  test('a dataset version comes with all artifacts, and with the versions that it was built on', async () => {
    const [first, second, third] = [await sample.addVersion(), await sample.addVersion(), await sample.addVersion()];
    sample.addReport(RUN, third, { candidates: candidatesWith(MODEL) });
    const dataset = contentOf((await lineageOf(MODEL)).dataset);
    expect(dataset).toMatchObject({
      version: 'support@3',
      manifest: { sha256: third.manifest.sha256, state: 'there' },
      snapshot: { known: true, value: { segments: [{ state: 'there' }], actuals: [{ state: 'there' }] } },
    });
    expect(dataset.parents).toMatchObject([
      { known: true, value: { version: 'support@2', manifest: { sha256: second.manifest.sha256 } } },
      { known: true, value: { version: 'support@1', manifest: { sha256: first.manifest.sha256 } } },
    ]);
  });

  test('a dataset version names each artifact that is missing, cut off or changed', async () => {
    const version = await sample.addVersion();
    sample.addReport(RUN, version, { candidates: candidatesWith(MODEL) });
    const before = contentOf((await lineageOf(MODEL)).dataset);
    rmSync(fileOf(before.examples.train.sha256));
    writeFileSync(fileOf(before.examples.test.sha256), 'short');
    const { sha256, bytes } = before.keys;
    writeFileSync(fileOf(sha256), 'x'.repeat(bytes));

    const quick = contentOf((await lineageOf(MODEL)).dataset);
    expect(quick.examples).toMatchObject({ train: { state: 'missing' }, test: { state: 'damaged' } });
    expect(quick.keys.state).toBe('there');
    const verified = contentOf((await lineageOf(MODEL, silent, true)).dataset);
    expect(verified.examples).toMatchObject({ train: { state: 'missing' }, validation: { state: 'intact' } });
    expect(verified.keys.state).toBe('damaged');
  });

  test('a missing dataset version is unknown, and so is a missing parent; the rest is told', async () => {
    const first = await sample.addVersion();
    const second = await sample.addVersion();
    sample.addReport(RUN, second, { candidates: candidatesWith(MODEL) });
    rmSync(fileOf(first.manifest.sha256));
    expect(contentOf((await lineageOf(MODEL)).dataset).parents).toMatchObject([{ known: false }]);
    rmSync(fileOf(second.manifest.sha256));
    const { dataset, training } = await lineageOf(MODEL);
    expect(dataset).toMatchObject({ known: false, why: expect.stringContaining(second.manifest.sha256) });
    expect(contentOf(training)).toMatchObject({ files: null, jobId: expect.stringContaining('ftjob') });
    rmSync(path.join(sample.home, 'datasets'), { recursive: true });
    expect(await lineageOf(MODEL)).toMatchObject({ dataset: { known: false } });
  });
});

describe('a report that is gone', () => {
  test('a missing report leaves the alias’s knowledge of the model', async () => {
    const version = await sample.addVersion();
    const deployed = await sample.deployed(MODEL, RUN, CONTENDER, version);
    await writeAlias(sample.home, await sample.alias(deployed));
    const lineage = await lineageOf(MODEL);
    expect(lineage).toMatchObject({ run: RUN, training: { known: false }, evaluation: { known: false } });
    expect(lineage.definition).toMatchObject({ sha256: deployed.definition.sha256, state: 'there' });
    expect(contentOf(lineage.dataset).version).toBe('support@1');
  });

  test('a missing or damaged report hides no other model', async () => {
    const version = await sample.addVersion();
    sample.addReport(RUN, version, { candidates: candidatesWith(MODEL) });
    const folder = runFolder(sample.home, 'support/broken');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'report.json'), '{"format": 1, "runId":');
    mkdirSync(path.join(sample.home, 'deployments', 'broken'), { recursive: true });
    writeFileSync(path.join(sample.home, 'deployments', 'broken', '000001.json'), 'nothing');
    expect(await lineageOf(MODEL)).toMatchObject({ model: MODEL, run: RUN });
  });
});

describe('decisions', () => {
  test('decisions are those about the model, from the deployment or else from its alias', async () => {
    const version = await sample.addVersion();
    sample.addReport(RUN, version, { candidates: candidatesWith(MODEL) });
    expect((await lineageOf(MODEL)).decisions).toEqual({ known: false, why: 'nobody answers' });

    const decisions = [decision(1, { kind: 'proposed' }), decision(2, { model: 'ft:another', run: 'support/other' })];
    const deployed = await sample.deployed(MODEL, RUN, CONTENDER, version);
    await writeAlias(sample.home, await sample.alias(deployed, { decisions }));
    expect(contentOf((await lineageOf(MODEL)).decisions)).toEqual({ from: 'alias', about: [decisions[0]] });

    const told = [...decisions, decision(3, { kind: 'promoted' })];
    const memory: WorkflowMemory = { ...silent, decisions: async () => ({ known: true, value: told }) };
    expect(contentOf((await lineageOf(MODEL, memory)).decisions)).toEqual({
      from: 'deployment',
      about: [told[0], told[2]],
    });
  });
});
