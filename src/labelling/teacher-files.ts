import path from 'node:path';
import { fileName, runFolder } from '../storage/run-folder.ts';

/** What a teacher has answered while a labelling goes on. One that was ended with force leaves it to the next. */
export function answersFile(home: string, labellingId: string, model: string): string {
  return path.join(runFolder(home, labellingId), `answers-${fileName(model)}.jsonl`);
}

/** Answers of a teacher that were not believed: shown to people, and not asked for again. An `ActualsFile` by its form. */
export function keptOutFile(home: string, labellingId: string): string {
  return path.join(runFolder(home, labellingId), 'kept-out.jsonl');
}
