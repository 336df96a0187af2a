import { hash } from 'node:crypto';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { Dependencies } from './support/dependencies.ts';

/**
 * Half of the lines of a training file, chosen by the hash of each: about every other one, and always the same ones. Lines of a growing
 * file stay in their half.
 */
export function createHalveFile({ artifacts }: Dependencies) {
  return async ({ file }: { file: ArtifactRef }): Promise<ArtifactRef> => artifacts.write(half(artifacts.rows(file)));
}

async function* half(rows: AsyncIterable<string>): AsyncIterable<string> {
  for await (const row of rows) {
    if (hash('sha256', row, 'buffer').readUInt8(0) % 2 === 0) yield row;
  }
}
