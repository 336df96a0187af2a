import path from 'node:path';
import { Context } from '@temporalio/activity';
import pMap from 'p-map';
import { MANIFEST } from '../contract/stored/manifest.ts';
import type { ScoredPrediction } from '../contract/stored/prediction.ts';
import { EXAMPLE } from '../contract/stored/rows.ts';
import type { Manifest } from '../core/dataset/manifest.ts';
import { type ClassificationFigures, classificationFigures } from '../core/evaluation/classification.ts';
import { priceOrigin } from '../core/evaluation/cost.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { WriteReportInput } from '../core/run/report-input.ts';
import type { Training } from '../providers/training.ts';
import { htmlReport } from '../report/html/html-report.ts';
import { markdownReport } from '../report/markdown-report.ts';
import { type Curve, type DataFigures, FLIPS_SHOWN, type Flip, type Report } from '../report/report.ts';
import type { ArtifactStore } from '../stores/artifact-store.ts';
import { writeFileAtomically } from '../stores/files.ts';
import { addPastWinner } from '../stores/past-winners.ts';
import { runFolder } from '../stores/run-folder.ts';
import { loadLines, loadStored } from '../stores/stored-objects.ts';
import { currentWorkflowId, type Dependencies, loadPipeline } from './support/dependencies.ts';
import { readPredictions } from './support/predictions.ts';

/**
 * Puts the findings of the run together and writes them into the run's folder: `report.json` is all of it, `report.html` and `report.md`
 * are for people, `scores.jsonl` has the scores row by row. Returns the path of the HTML.
 */
export function createWriteReport(dependencies: Dependencies) {
  return async (input: WriteReportInput): Promise<{ reportPath: string }> => {
    const { artifacts, home, prices } = dependencies;
    const { summary, judged } = input;
    const pipeline = await loadPipeline(dependencies, input.definition);
    const { training, profile } = dependencies.connectProvider(pipeline.provider);
    const folder = runFolder(home, currentWorkflowId());
    const reportPath = path.join(folder, 'report.html');
    const manifest = await loadStored(MANIFEST, artifacts, input.manifest);
    const { scores, flips, classification } = await readJudged(artifacts, judged, manifest);
    const report: Report = {
      ...summary,
      reportPath,
      format: 1,
      createdAt: new Date(Context.current().info.currentAttemptScheduledTimestampMs).toISOString(),
      curves: await curvesOf(training, input.jobs),
      classification,
      flips,
      data: dataFigures(manifest),
      prices: priceOrigin(prices, profile.billing) ?? { date: prices.date, source: prices.source },
    };
    await writeFileAtomically(path.join(folder, 'scores.jsonl'), scores);
    await writeFileAtomically(path.join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    await writeFileAtomically(path.join(folder, 'report.md'), markdownReport(report));
    // Last, because the result names this file.
    await writeFileAtomically(reportPath, htmlReport(report));
    if (input.winner) {
      const { baseModel, hyperparameters, treatment } = input.winner;
      const settings = { baseModel, hyperparameters, treatment };
      await addPastWinner(home, pipeline.name, { run: summary.runId, wonAt: report.createdAt, ...settings });
    }
    return { reportPath };
  };
}

/** The losses only feed charts: a provider that does not give them loses no report. */
function curvesOf(training: Training, jobs: WriteReportInput['jobs']): Promise<Curve[]> {
  return pMap(
    jobs,
    async ({ jobId, ...job }) => ({ ...job, points: await training.listMetrics(jobId).catch(() => []) }),
    { concurrency: 4 },
  );
}

interface JudgedFigures {
  /** Lines of `scores.jsonl`. */
  scores: string;
  flips: Report['flips'];
  classification: ClassificationFigures | null;
}

/** Goes once through the judging rows. Of their texts only labels and the shown flips are kept. */
async function readJudged(
  artifacts: ArtifactStore,
  judged: WriteReportInput['judged'],
  { labels }: Manifest,
): Promise<JudgedFigures> {
  const winner = new Predictions(artifacts, judged.winner);
  const baseline = new Predictions(artifacts, judged.baseline);
  let scores = '';
  const gained = new LargestFlips();
  const lost = new LargestFlips();
  const answers: { expected: string; answer: string }[] = [];
  let index = 0;
  for await (const example of loadLines(EXAMPLE, artifacts, judged.examples)) {
    const [won, before] = [await winner.at(index), await baseline.at(index)];
    index += 1;
    if (!won && !before) continue;
    scores += `${JSON.stringify({ id: example.id, winner: won?.score ?? null, baseline: before?.score ?? null })}\n`;
    if (won && labels) answers.push({ expected: example.completion, answer: won.answer });
    if (!won || !before || won.score === before.score) continue;
    (won.score > before.score ? gained : lost).add({
      id: excerpt(example.id),
      input: excerpt(example.input),
      expected: excerpt(example.completion),
      winner: excerpt(won.answer),
      baseline: excerpt(before.answer),
      difference: won.score - before.score,
    });
  }
  return {
    scores,
    flips: judged.winner && judged.baseline ? { gained: gained.flips, lost: lost.flips } : null,
    classification: labels && judged.winner ? classificationFigures(answers, new Set(Object.keys(labels))) : null,
  };
}

/** Predictions beside their examples: both are in the order of the rows, but not every row has a prediction. */
class Predictions {
  readonly #rows: AsyncIterator<ScoredPrediction> | null;
  #next: ScoredPrediction | null | undefined;

  constructor(artifacts: ArtifactStore, ref: ArtifactRef | null) {
    this.#rows = ref && readPredictions(artifacts, ref)[Symbol.asyncIterator]();
  }

  /** The prediction of a row; rows must be asked for in growing order. */
  async at(index: number): Promise<ScoredPrediction | null> {
    while (this.#next === undefined || (this.#next !== null && this.#next.index < index)) {
      const read = await this.#rows?.next();
      this.#next = read && !read.done ? read.value : null;
    }
    return this.#next?.index === index ? this.#next : null;
  }
}

/** The flips with the largest differences; of equal ones the first. */
class LargestFlips {
  flips: Flip[] = [];

  add(flip: Flip): void {
    const size = Math.abs(flip.difference);
    const place = this.flips.findIndex(({ difference }) => Math.abs(difference) < size);
    this.flips.splice(place < 0 ? this.flips.length : place, 0, flip);
    this.flips.length = Math.min(this.flips.length, FLIPS_SHOWN);
  }
}

const LONGEST_EXCERPT = 400;

/** Cut by code points, so that no surrogate pair is cut in two. */
function excerpt(text: string): string {
  if (text.length <= LONGEST_EXCERPT) return text;
  return `${[...text.slice(0, LONGEST_EXCERPT * 2)].slice(0, LONGEST_EXCERPT).join('')}…`;
}

function dataFigures(manifest: Manifest): DataFigures {
  const { source, verdicts, labels, groups, split, redactions, template } = manifest;
  return {
    rowsRead: source.rows,
    verdicts,
    labels,
    groups,
    split: { by: split.by, seed: split.seed },
    redactions,
    templateVersions: template.versions,
  };
}
