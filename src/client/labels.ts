import type { UndoneImport } from '../data/labels/undo-import.ts';
import type { ExportedSheet, ExportOptions, ImportedSheet, ImportOptions } from './label-sheets.ts';
import {
  type EndedLabelling,
  type FollowLabellingOptions,
  followLabelling,
  readPipelineWithActuals,
  readTaughtPipeline,
  startLabelling,
} from './labellings.ts';
import { asTuneloopError, type TuneloopSession } from './session.ts';

export interface TeachOptions extends FollowLabellingOptions {
  /** The largest number of rows that the teacher is asked for; all by default. */
  limit?: number;
  /** Is called and awaited once the labelling has been started or found. */
  onStarted?: (started: StartedLabelling) => void | Promise<void>;
}

export interface StartedLabelling {
  labellingId: string;
  /** False where a labelling of the pipeline was running already, whose limit holds. */
  created: boolean;
  /** Its page in Temporal's Web UI. */
  webUi: string;
}

/** Answers for the rows of a log: by a teacher model, and by people who fill in a sheet. */
export class LabelClient {
  readonly #session: TuneloopSession;

  constructor(session: TuneloopSession) {
    this.#session = session;
  }

  /**
   * Lets the teacher model of a pipeline answer the rows without an answer, and waits for the end. Needs a running worker.
   *
   * @returns a failed or cancelled labelling has `error`; its answers so far are kept
   * @throws TuneloopError PIPELINE_INVALID where the pipeline names no teacher
   */
  async teach(file: string, { limit, onStarted, ...follow }: TeachOptions = {}): Promise<EndedLabelling> {
    const pipeline = await readTaughtPipeline(file);
    const client = await this.#session.client();
    const { handle, created } = await startLabelling(client, this.#session.environment, pipeline, limit ?? null);
    const { workflowId } = handle;
    await onStarted?.({ labellingId: workflowId, created, webUi: this.#session.webUi(workflowId) });
    return followLabelling(client, handle, follow);
  }

  /**
   * Writes the rows that a person should look at to a CSV file, whose column `actual` is then filled in. Needs no server.
   *
   * @throws TuneloopError PIPELINE_INVALID, SOURCE_*, or USAGE where the sheet exists already
   */
  async exportSheet(file: string, sheet: string, options: ExportOptions = {}): Promise<ExportedSheet> {
    const pipeline = await readPipelineWithActuals(file);
    const { exportDoubtful } = await import('./label-sheets.ts');
    return asTuneloopError(exportDoubtful(this.#session.environment, pipeline, sheet, options));
  }

  /**
   * Takes the latest import of a sheet back. Needs no server.
   *
   * @throws TuneloopError PIPELINE_INVALID, or USAGE where the file of answers does not end with an import
   */
  async undoImport(file: string): Promise<{ file: string } & UndoneImport> {
    const { source } = await readPipelineWithActuals(file);
    const { undoImport } = await import('../data/labels/undo-import.ts');
    return { file: source.actuals, ...(await asTuneloopError(undoImport(source.actuals))) };
  }

  /**
   * Adds the answers of a sheet that people have filled in to the pipeline's file of answers. Needs no server.
   *
   * @throws TuneloopError PIPELINE_INVALID, SOURCE_*, or USAGE where the sheet cannot be read
   */
  async importSheet(file: string, sheet: string, options: ImportOptions = {}): Promise<ImportedSheet> {
    const pipeline = await readPipelineWithActuals(file);
    const { importCorrections } = await import('./label-sheets.ts');
    return asTuneloopError(importCorrections(this.#session.environment, pipeline, sheet, options));
  }
}
