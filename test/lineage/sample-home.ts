import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Alias } from '../../packages/app/src/predict/alias.ts';
import type { DatasetVersion } from '../../src/contract/stored/dataset-version.ts';
import type { Manifest } from '../../src/core/dataset/manifest.ts';
import type { DeployedModel } from '../../src/core/deployment/deployed-model.ts';
import { type DeploymentState, newDeployment } from '../../src/core/deployment/deployment.ts';
import type { Snapshot } from '../../src/core/run/snapshot.ts';
import type { Report } from '../../src/report/report.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { DatasetVersions } from '../../src/stores/dataset-versions.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { runFolder } from '../../src/stores/run-folder.ts';
import { sampleManifest } from '../data/rows/sample-manifest.ts';
import { sampleReport } from '../report/sample-report.ts';

/** A home folder whose parts were written by the code that writes them in a run. */
export class SampleHome {
  readonly home: string;
  readonly artifacts: FileStore;

  constructor(root: string) {
    this.home = mkdtempSync(path.join(root, 'home-'));
    this.artifacts = new FileStore(path.join(this.home, 'artifacts'));
  }

  /** The next dataset version of `support`, with all of its artifacts. */
  async addVersion(): Promise<DatasetVersion> {
    const versions = new DatasetVersions(this.home);
    const latest = await versions.latest('support');
    const number = (latest?.number ?? 0) + 1;
    const write = (text: string) => this.artifacts.write([`${text} of version ${number}`]);
    const snapshot = {
      names: ['log.jsonl'],
      rows: 2,
      segments: [await write('segment')],
      actuals: [await write('answers')],
      verdicts: [],
      cursor: { type: 'files' },
    } satisfies Snapshot;
    const manifest: Manifest = sampleManifest({
      parent: latest && { number: latest.number, sha256: latest.manifest.sha256 },
      snapshot: await writeJson(this.artifacts, snapshot),
      template: { ref: await writeJson(this.artifacts, { versions: [] }), versions: 1 },
      examples: { train: await write('train'), validation: await write('validation'), test: await write('test') },
      files: [{ treatment: 'strip', train: await write('upload'), validation: await write('second upload') }],
      keys: await write('keys'),
      ledger: await write('ledger'),
    });
    return versions.append('support', number - 1, await writeJson(this.artifacts, manifest));
  }

  /** The report of a run on a version. */
  addReport(runId: string, version: DatasetVersion, changes: Partial<Report> = {}): Report {
    const folder = runFolder(this.home, runId);
    const report = sampleReport({
      runId,
      pipeline: version.pipeline,
      dataset: { ...sampleReport().dataset, version: version.manifest.sha256.slice(0, 16) },
      reportPath: path.join(folder, 'report.html'),
      ...changes,
    });
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'report.json'), JSON.stringify(report));
    return report;
  }

  /** The alias of a deployment with these models. */
  async alias(champion: DeployedModel, changes: Partial<DeploymentState> = {}): Promise<Alias> {
    const template = { versions: [] };
    const served = { model: champion.model, treatment: champion.treatment, template, labels: null, shutdownDate: null };
    return {
      format: 1,
      pipeline: 'support',
      task: 'classification',
      decision: 2,
      writtenAt: '2026-11-23T10:00:00.000Z',
      provider: 'local',
      champion: served,
      canary: null,
      original: { model: null, template },
      jsonSchema: null,
      maxOutputTokens: null,
      state: { ...newDeployment('support'), decision: 2, champion, ...changes },
    };
  }

  /** A model as a run proposes it. */
  async deployed(model: string, run: string, candidate: string, version: DatasetVersion): Promise<DeployedModel> {
    return {
      model,
      baseModel: 'local-base',
      treatment: 'strip',
      run,
      candidate,
      definition: await writeJson(this.artifacts, { name: 'support' }),
      datasetVersion: `support@${version.number}`,
      manifest: version.manifest,
      judged: null,
    };
  }
}
