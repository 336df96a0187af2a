import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { Validation } from '../engine.ts';
import { validateFile } from './validation.ts';

export interface ValidationTask {
  readonly number: number;
  readonly path: string;
  readonly role: 'training' | 'validation';
}

export type ValidationAnswer = { readonly number: number; readonly validation: Validation };

/* A thread that reads files, so that large ones do not hold up the server. It answers tasks in the order of their arrival. */
parentPort?.on('message', (task: ValidationTask) => {
  parentPort?.postMessage({ number: task.number, validation: read(task) } satisfies ValidationAnswer);
});

function read({ path, role }: ValidationTask): Validation {
  try {
    return validateFile(readFileSync(path), role);
  } catch (error) {
    return {
      kind: 'invalid',
      code: `invalid_${role}_file`,
      message: `The ${role} file cannot be read: ${String(error)}`,
    };
  }
}
