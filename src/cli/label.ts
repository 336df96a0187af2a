import { SingleBar } from 'cli-progress';
import { type EndedLabelling, readTaughtPipeline } from '../client/labellings.ts';
import type { StartedLabelling } from '../client/labels.ts';
import { labellingId } from '../contract/ids.ts';
import type { LabellingProgress } from '../core/run/labelling.ts';
import type { StepProgress } from '../core/run/step-progress.ts';
import { plainLine, usdText } from '../core/text/format.ts';
import { TuneloopError } from '../errors.ts';
import { EXIT } from './exit-codes.ts';
import { printExport, printImport, printUndo, type SheetOptions } from './label-sheet.ts';
import { printResult, say } from './output.ts';
import { withSession, withTuneloop } from './session.ts';

export interface LabelOptions extends SheetOptions {
  /** How many rows the teacher is asked for at most. */
  limit?: number;
  export?: string;
  import?: string;
  /** Whether the latest import is taken back. */
  undo?: boolean;
}

/** `label FILE`: lets a teacher answer the rows without an answer, or exports and imports the rows for people. */
export async function label(file: string, options: LabelOptions): Promise<number> {
  const { export: sheet, import: corrected } = options;
  if (sheet !== undefined && corrected !== undefined) {
    throw new TuneloopError('USAGE', '--export and --import are two steps: people fill in the sheet in between');
  }
  if (options.undo) {
    if (sheet !== undefined || corrected !== undefined) {
      throw new TuneloopError('USAGE', '--undo takes the latest import back: give it alone');
    }
    return withTuneloop(({ labels }) => printUndo(labels, file, options));
  }
  if (sheet !== undefined) return withTuneloop(({ labels }) => printExport(labels, file, sheet, options));
  if (corrected !== undefined) return withTuneloop(({ labels }) => printImport(labels, file, corrected, options));
  // A file that cannot be used is refused before a server is asked.
  const { name } = await readTaughtPipeline(file);
  return askTeacher(file, labellingId(name), options);
}

function askTeacher(file: string, id: string, { json, limit }: LabelOptions): Promise<number> {
  return withSession(async ({ tuneloop, environment }) => {
    const interrupt = new AbortController();
    const onSignal = () => interrupt.abort();
    process.once('SIGINT', onSignal);
    const view = process.stderr.isTTY ? new Bar() : new Lines();
    const onStarted = async ({ labellingId: started, created, webUi }: StartedLabelling) => {
      say(created ? `Labelling ${started}` : `${started} is running already; this shows its progress.`);
      say(`Watch it at ${webUi}`);
      if (!(await tuneloop.runs.hasWorker())) {
        say(`No worker waits on task queue ${environment.taskQueue} yet: start one with \`npm run worker\`.`);
      }
    };
    try {
      const ended = await tuneloop.labels
        .teach(file, {
          ...(limit !== undefined && { limit }),
          signal: interrupt.signal,
          onStarted,
          onLook: ({ progress, step }) => view.show(progress, step),
        })
        .finally(() => view.end());
      printResult(json, ended, () => endText(ended));
      return exitCodeOf(ended);
    } catch (error) {
      if (!interrupt.signal.aborted) throw error;
      say(`The labelling continues. Watch it again with the same command, or end it with \`tuneloop cancel ${id}\`.`);
      return EXIT.interrupted;
    } finally {
      process.off('SIGINT', onSignal);
    }
  });
}

/** Rows that were asked for, on a terminal. */
class Bar {
  readonly #bar = new SingleBar({
    stream: process.stderr,
    format: ' {text} {bar} {value} of {total} rows',
    barsize: 24,
    hideCursor: true,
    linewrap: false,
    gracefulExit: false,
  });
  #started = false;

  show(progress: LabellingProgress, step: StepProgress | undefined): void {
    const text = stageText(progress);
    if (!this.#started) this.#bar.start(progress.rows ?? 0, 0, { text });
    this.#started = true;
    this.#bar.setTotal(progress.rows ?? 0);
    if (progress.stage !== 'ask') this.#bar.update(progress.stage === 'read' ? 0 : (progress.rows ?? 0), { text });
    else this.#bar.update(step?.rows ?? 0, { text });
  }

  end(): void {
    if (this.#started) this.#bar.stop();
  }
}

/** A line for each change, without counts, because each count would be a line. */
class Lines {
  #last = '';

  show(progress: LabellingProgress): void {
    const text = stageText(progress);
    if (text === this.#last) return;
    this.#last = text;
    say(`  ${text}`);
  }

  end(): void {}
}

function stageText({ stage, paused, rows }: LabellingProgress): string {
  if (paused) return plainLine(`PAUSED, ${paused.code}: ${paused.message}. Mend that, then: tuneloop resume`);
  switch (stage) {
    case 'read':
      return 'looking for rows without an answer';
    case 'ask':
      return `asking the teacher for ${rows} rows`;
    case 'keep':
      return 'adding the answers to the file';
    case 'done':
      return 'done';
  }
}

function exitCodeOf(ended: EndedLabelling): number {
  if (ended.status === 'completed') return ended.stopped === null ? EXIT.ok : EXIT.runFailed;
  return ended.status === 'cancelled' ? EXIT.cancelled : EXIT.runFailed;
}

function endText(ended: EndedLabelling): string {
  if (ended.status !== 'completed') {
    return plainLine(`${ended.error.code}: ${ended.error.message}. The answers so far are kept.`);
  }
  const { labelled, forPeople, left, spentUsd, stopped, file } = ended;
  const lines = [
    `${labelled} rows have got an answer${spentUsd === null ? '' : `, for ${usdText(spentUsd)}`}. The answers are in ${file}.`,
  ];
  if (stopped !== null) lines.push(plainLine(`BUDGET_EXCEEDED: ${stopped}. Raise labelling.budget_usd to continue.`));
  if (left > 0) lines.push(`${left} rows are left.`);
  if (forPeople > 0) {
    lines.push(`${forPeople} rows need a person: \`tuneloop label FILE --export doubtful.csv\` writes them down.`);
  }
  return lines.join('\n');
}
