import type { LabelClient } from '../client/labels.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';

export interface SheetOptions {
  json?: boolean;
  /** Whether a sheet that is there already is overwritten. */
  force?: boolean;
  /** Who has filled in the sheet. */
  by?: string;
  /** Whether labels that the log does not have are taken. */
  accept?: boolean;
}

/** `label FILE --export`: writes the rows that a person should look at. */
export function printExport(
  labels: LabelClient,
  file: string,
  sheet: string,
  { json, force = false }: SheetOptions,
): Promise<number> {
  return interruptible(async (signal) => {
    const exported = await labels.exportSheet(file, sheet, { force, signal });
    const { rows, of } = exported;
    printResult(json, exported, () =>
      rows === 0
        ? `${of} rows, and none of them is doubtful. ${exported.file} has a first line only.`
        : `${rows} of ${of} rows are in ${exported.file}. Fill in the column actual, then: tuneloop label FILE --import ${sheet}`,
    );
    return EXIT.ok;
  });
}

/** `label FILE --import`: imports the answers that people have filled in. */
export function printImport(
  labels: LabelClient,
  file: string,
  sheet: string,
  { json, by, accept = false }: SheetOptions,
): Promise<number> {
  return interruptible(async (signal) => {
    const imported = await labels.importSheet(file, sheet, { signal, accept, ...(by !== undefined && { by }) });
    const { added, unchanged, conflicting, newLabels } = imported;
    printResult(json, imported, () =>
      [
        `${added} answers are new, ${conflicting} replace another one, ${unchanged} were known. They are in ${imported.file}.`,
        ...(newLabels.length > 0
          ? [`The log has no such label: line ${newLabels.slice(0, 20).join(', ')} of ${sheet}. Check the spelling.`]
          : []),
      ].join('\n'),
    );
    return EXIT.ok;
  });
}

/** `label FILE --undo`: takes the latest import back. */
export async function printUndo(labels: LabelClient, file: string, { json }: SheetOptions): Promise<number> {
  const undone = await labels.undoImport(file);
  printResult(json, undone, () => `${undone.removed} answers of ${undone.by} were removed from ${undone.file}.`);
  return EXIT.ok;
}

/** Ctrl-C ends the reading, and the unfinished file is removed. */
async function interruptible(command: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.once('SIGINT', onSignal);
  try {
    return await command(interrupt.signal);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    return EXIT.interrupted;
  } finally {
    process.off('SIGINT', onSignal);
  }
}
