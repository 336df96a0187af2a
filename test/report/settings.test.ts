import { settingsBesideEpochs, settingTexts } from '../../src/core/run/hyperparameters.ts';
import { lineageTree } from '../../src/lineage/lineage-tree.ts';
import { modelLineage } from '../../src/lineage/model-lineage.ts';
import { htmlReport } from '../../src/report/html/html-report.ts';
import { markdownReport } from '../../src/report/markdown-report.ts';
import { sampleManifest } from '../data/rows/sample-manifest.ts';
import { sampleReport } from './sample-report.ts';

const SETTINGS = { learningRateMultiplier: 0.5, learningRate: 0.00005, epochs: 4, loraRank: 8, seed: 7 };
const TEXT = 'learning rate x 0.5 (0.00005)';

const report = (() => {
  const sample = sampleReport();
  return { ...sample, candidates: sample.candidates.map((one) => ({ ...one, hyperparameters: SETTINGS })) };
})();

test('settings name the multiplier with the rate that it stands for, LoRA rank and seed', () => {
  expect(settingTexts(SETTINGS)).toEqual([TEXT, '4 epochs', 'LoRA rank 8', 'seed 7']);
  expect(settingTexts({ learningRateMultiplier: 2, epochs: 1, batchSize: 16 })).toEqual([
    'learning rate x 2',
    '1 epochs',
    'batches of 16',
  ]);
  expect(settingsBesideEpochs(SETTINGS)).toEqual([TEXT, 'LoRA rank 8', 'seed 7']);
});

test('the report shows both learning rates, LoRA rank and seed, as Markdown and as HTML', () => {
  for (const text of [markdownReport(report), htmlReport(report)]) {
    expect(text.replaceAll('\\', '')).toContain(`${TEXT}, LoRA rank 8, seed 7`);
  }
});

test('the lineage of a model shows both learning rates, LoRA rank and seed', () => {
  const ref = { uri: `sha256:${'e'.repeat(64)}`, sha256: 'e'.repeat(64), bytes: 1, rows: 1 };
  const createdAt = '2026-11-23T08:00:00.000Z';
  const lineage = modelLineage(
    {
      run: report.runId,
      pipeline: report.pipeline,
      contender: report.candidates[0]?.id ?? '',
      model: report.winnerModel,
      report: { known: true, value: report },
      deployed: null,
      aliases: [],
      version: { known: true, value: { version: 'support@1', ref, createdAt, manifest: sampleManifest() } },
      parents: [],
      snapshot: { known: true, value: { rows: 1, segments: [ref], actuals: [] } },
      uploads: { known: true, value: { trainingFile: 'file-1', validationFile: 'file-2' } },
      decisions: { known: true, value: { from: 'deployment', all: [] } },
    },
    new Map(),
  );
  expect(lineageTree(lineage)).toContain(`${TEXT}, 4 epochs, LoRA rank 8, seed 7`);
});
