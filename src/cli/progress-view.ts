import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import type { JobHeartbeat } from '../core/run/job-heartbeat.ts';
import { belongsToCandidate, type CandidateProgress, type RunProgress, STAGES } from '../core/run/run-progress.ts';
import type { StepProgress } from '../core/run/step-progress.ts';
import { percentText, plainLine, plainText } from '../core/text/format.ts';

/** Shows the progress of a run: bars on a terminal, else a line for each change. Always on standard error. */
export interface ProgressView {
  show(progress: RunProgress, jobs: ReadonlyMap<string, JobHeartbeat>, step?: StepProgress): void;
  /** A line that stays. */
  say(message: string): void;
  end(): void;
}

export function createProgressView(): ProgressView {
  return process.stderr.isTTY ? new Bars() : new Lines();
}

class Bars implements ProgressView {
  readonly #bars = new MultiBar(
    {
      stream: process.stderr,
      format: ' {name} {bar} {text}',
      barsize: 24,
      hideCursor: true,
      clearOnComplete: false,
      emptyOnZero: true,
      gracefulExit: false,
      linewrap: false,
    },
    Presets.shades_classic,
  );
  #stage: SingleBar | undefined;
  readonly #jobs = new Map<string, SingleBar>();

  show(progress: RunProgress, jobs: ReadonlyMap<string, JobHeartbeat>, step?: StepProgress): void {
    const width = Math.max(10, ...progress.candidates.map(({ id }) => id.length));
    const name = 'run'.padEnd(width);
    this.#stage ??= this.#bars.create(STAGES.length, 0, { name, text: '' });
    this.#stage.update(STAGES.indexOf(progress.stage) + 1, { name, text: stageText(progress, step) });
    for (const candidate of progress.candidates) {
      const job = jobs.get(candidate.id);
      let bar = this.#jobs.get(candidate.id);
      if (!bar) {
        bar = this.#bars.create(1, 0, { name: candidate.id.padEnd(width), text: '' });
        this.#jobs.set(candidate.id, bar);
      }
      const total = job?.totalSteps ?? 1;
      bar.setTotal(total);
      bar.update(hasTrained(candidate) ? total : (job?.step ?? 0), { text: jobText(candidate, job, progress.winner) });
    }
    this.#bars.update();
  }

  say(message: string): void {
    this.#bars.log(`${message}\n`);
    this.#bars.update();
  }

  end(): void {
    this.#bars.update();
    this.#bars.stop();
  }
}

class Lines implements ProgressView {
  #last = new Map<string, string>();

  show(progress: RunProgress, jobs: ReadonlyMap<string, JobHeartbeat>): void {
    // Without counts, because each count would be a line.
    this.#line('run', stageText(progress, undefined));
    for (const candidate of progress.candidates) {
      const job = jobs.get(candidate.id);
      this.#line(
        candidate.id,
        jobText(candidate, job && { ...job, step: null, trainLoss: null, validLoss: null }, progress.winner),
      );
    }
  }

  say(message: string): void {
    process.stderr.write(`${message}\n`);
  }

  end(): void {
    this.#last.clear();
  }

  #line(name: string, text: string): void {
    if (this.#last.get(name) === text) return;
    this.#last.set(name, text);
    this.say(`  ${name}: ${text}`);
  }
}

function stageText({ stage, paused, dataset, estimate, winner }: RunProgress, step: StepProgress | undefined): string {
  if (paused) return plainLine(`PAUSED, ${paused.code}: ${paused.message}. Mend that, then: tuneloop resume`);
  // The estimate is shown before anything is paid.
  const news = step
    ? stepText(step)
    : winner
      ? `winner ${winner}`
      : stage === 'upload' || stage === 'train'
        ? estimate
        : dataset;
  return [`stage ${STAGES.indexOf(stage) + 1} of ${STAGES.length}: ${stage}`, news].filter(Boolean).join(' | ');
}

function stepText({ step, rows, of }: StepProgress): string {
  if (rows === 0) return step;
  return of === null || of === 0 ? `${step}: ${rows} rows` : `${step}: ${percentText(Math.min(1, rows / of))}`;
}

function hasTrained({ stage }: CandidateProgress): boolean {
  return stage !== 'waiting' && stage !== 'training';
}

/** One line about a candidate: the state of its job, or its result. */
function jobText(candidate: CandidateProgress, job: JobHeartbeat | undefined, winner: string | null): string {
  const { stage, score, note } = candidate;
  if (stage === 'training' && job) {
    const step = job.step !== null && job.totalSteps !== null ? ` step ${job.step}/${job.totalSteps}` : '';
    const loss = job.trainLoss === null ? '' : ` loss ${job.trainLoss.toFixed(3)}`;
    const valid = job.validLoss === null ? '' : ` validation ${job.validLoss.toFixed(3)}`;
    return `${job.status}${step}${loss}${valid}`;
  }
  if (score !== null)
    return `${stage} ${percentText(score)}${winner !== null && belongsToCandidate(winner, candidate.id) ? ' <- winner' : ''}`;
  return plainText(note === null ? stage : `${stage}: ${note}`).slice(0, 100);
}
