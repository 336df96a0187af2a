import path from 'node:path';
import { stripInstructions } from '@tuneloop/app/internal/prompt/prompt-template';
import { canonicalInput } from '../data/split/near-duplicates.ts';
import { artifactFile } from '../stores/home.ts';
import { readLines } from '../stores/lines.ts';
import { keyOfLine } from './artifact-search.ts';
import { type FoundRows, inputKey, rowSchema } from './found-rows.ts';
import { objectOf } from './row-lines.ts';
import type { FoundPlace } from './row-places.ts';

/**
 * Lines of keys and ledgers that have to stay, by the hash of their artifact: another row, which is not erased, has the same input, and
 * would change its side without its entry in the ledger. The keys of a version lose one line for each erased row.
 */
export async function sharedKeyLines(
  found: FoundRows,
  places: readonly FoundPlace[],
  onStep: (text: string) => void,
): Promise<Map<string, Set<number>>> {
  const kept = new Map<string, Set<number>>();
  const keyPlaces = places.filter(({ kind }) => kind === 'key');
  if (keyPlaces.length === 0) return kept;
  const shared = await sharedKeys(found, onStep);
  if (shared.size === 0) return kept;
  for (const { file, spans } of keyPlaces) {
    const isLedger = found.index.rolesOf(file).some(({ kind }) => kind === 'ledger');
    const removed = new Map<string, number>();
    const lines = new Set<number>();
    let line = 0;
    for await (const bytes of readLines(file)) {
      line += 1;
      const key = spans.has(line) ? keyOfLine(bytes) : '';
      if (!shared.has(key)) continue;
      const before = removed.get(key) ?? 0;
      if (isLedger || before >= (found.inputKeys.get(key)?.size ?? 0)) lines.add(line);
      else removed.set(key, before + 1);
    }
    kept.set(path.basename(file), lines);
  }
  return kept;
}

/** Keys of wanted rows that other rows of the snapshots have too. */
async function sharedKeys(found: FoundRows, onStep: (text: string) => void): Promise<Set<string>> {
  const { index, ids, inputKeys } = found;
  const shared = new Set<string>();
  for (const [sha256, roles] of index.roles) {
    const templates = new Set(
      roles.flatMap(({ kind, version }) => (kind === 'segment' ? (version.template ?? []) : [])),
    );
    if (templates.size === 0) continue;
    const file = artifactFile(index.home, sha256);
    onStep(`looking for rows with the same input in ${file}`);
    await index.whereReadable(file, async () => {
      for await (const bytes of readLines(file)) {
        const row = rowSchema.safeParse(objectOf(bytes)).data;
        if (!row?.messages || ids.has(row.id)) continue;
        for (const template of templates) {
          const stripped = stripInstructions(template, row.messages);
          const key = 'input' in stripped ? inputKey(canonicalInput(stripped.input)) : '';
          if (inputKeys.has(key)) shared.add(key);
        }
      }
    });
  }
  return shared;
}
