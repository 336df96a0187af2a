import type { PromptTemplate, Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import { readLine } from '../../contract/stored/format.ts';
import { EXAMPLE } from '../../contract/stored/rows.ts';
import { type IssueTable, placeText } from '../../core/dataset/issue.ts';
import type { Conflict, Conflicts, LabelTable } from '../../core/dataset/manifest.ts';
import type { Example } from '../../core/dataset/row.ts';
import { SIDES, type Side } from '../../core/dataset/side.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { ArtifactStore, ArtifactWriter } from '../../stores/artifact-store.ts';
import { TokenEstimate } from '../rows/provider-limits.ts';
import { keyText } from '../rows/row-key.ts';
import { trainingLine } from '../rows/training-line.ts';
import { groupsOfSeveral } from '../split/groups.ts';
import { LabelCounts } from '../split/manifest.ts';
import type { JudgedLabels } from './judged-labels.ts';
import type { Placement } from './placement.ts';
import type { PreparedRows } from './prepared-rows.ts';

/** Training and validation file of one treatment. */
export interface TreatedFiles {
  treatment: Treatment;
  train: ArtifactRef;
  validation: ArtifactRef;
}

export interface WrittenDataset {
  examples: Record<Side, ArtifactRef>;
  files: TreatedFiles[];
  labels: LabelTable;
  /** For each version of the prompt the number of answers with each label. */
  versionLabels: ReadonlyMap<number, ReadonlyMap<string, number>>;
  conflicts: Conflicts;
  tokens: TokenEstimate;
}

const CONFLICTS_SHOWN = 100;
const PLACES_SHOWN = 20;

/**
 * Writes examples and training files side by side, in one pass over the prepared rows. Issues get the places of the rows that are left out.
 */
export async function writeDataset(
  artifacts: ArtifactStore,
  rows: PreparedRows,
  labels: JudgedLabels,
  placement: Placement,
  options: {
    template: PromptTemplate;
    treatments: readonly Treatment[];
    heldOut: readonly Example[];
    issues: IssueTable;
    onRow: (rows: number) => void;
  },
): Promise<WrittenDataset> {
  const { template, treatments, heldOut, issues, onRow } = options;
  const writers: ArtifactWriter[] = [];
  const open = async () => {
    const writer = await artifacts.open();
    writers.push(writer);
    return writer;
  };
  try {
    const examples = { train: await open(), validation: await open(), test: await open() };
    const files: { treatment: Treatment; train: ArtifactWriter; validation: ArtifactWriter }[] = [];
    for (const treatment of treatments) files.push({ treatment, train: await open(), validation: await open() });
    const conflicts = new ConflictList(rows, labels);
    const tokens = new TokenEstimate(template, treatments);
    const counts = new LabelCounts();
    const versionLabels = new Map<number, Map<string, number>>();

    for (const example of heldOut) {
      await examples.test.add(JSON.stringify(example));
      counts.add(example.completion, 'test');
    }
    let row = rows.heldOut;
    for await (const line of rows.examples()) {
      const mended = labels.issueOf(row);
      const side = SIDES[(placement.sides[row] ?? 0) - 1];
      const example = readLine(EXAMPLE, line, 'a scratch file of the run');
      const issue = placement.issueOf(row);
      if (issue) issues.add(issue, example);
      else if (mended) issues.add(mended, example);
      const label = labels.names[labels.indices[row] ?? 0];
      if (mended && label !== undefined) example.completion = label;
      conflicts.add(row, example);
      if (side !== undefined) {
        await examples[side].add(mended ? JSON.stringify(example) : line);
        if (label !== undefined) {
          counts.add(label, side);
          countOne(versionLabels, example.version ?? 0, label);
        }
        if (side !== 'test') {
          for (const file of files) await file[side].add(trainingLine(template, example, file.treatment));
        }
        if (side === 'train') tokens.add(example);
      }
      row += 1;
      onRow(row);
    }
    return {
      examples: {
        train: await examples.train.commit(),
        validation: await examples.validation.commit(),
        test: await examples.test.commit(),
      },
      files: await Promise.all(
        files.map(async ({ treatment, train, validation }) => ({
          treatment,
          train: await train.commit(),
          validation: await validation.commit(),
        })),
      ),
      labels: counts.all(),
      versionLabels,
      conflicts: conflicts.all(),
      tokens,
    };
  } finally {
    for (const writer of writers) await writer.discard();
  }
}

function countOne(counts: Map<number, Map<string, number>>, version: number, label: string): void {
  const labels = counts.get(version) ?? new Map<string, number>();
  counts.set(version, labels);
  labels.set(label, (labels.get(label) ?? 0) + 1);
}

/** Equal inputs with different labels. */
class ConflictList {
  /** By row, of the first conflicts. */
  readonly #conflicts = new Map<number, Conflict>();
  readonly #count: number;

  constructor({ groups, heldOut, keys }: PreparedRows, { indices, names }: JudgedLabels) {
    let count = 0;
    for (const members of names.length > 0 ? groupsOfSeveral(groups) : []) {
      const [first = 0] = members;
      if (first < heldOut || members.every((row) => indices[row] === indices[first])) continue;
      // Nearly equal inputs may well have different answers.
      for (const equal of Map.groupBy(members, (row) => keyText(keys, row)).values()) {
        if (equal.every((row) => indices[row] === indices[equal[0] ?? 0])) continue;
        count += 1;
        if (count > CONFLICTS_SHOWN) continue;
        const conflict: Conflict = { completions: [], places: [] };
        for (const row of equal) this.#conflicts.set(row, conflict);
      }
    }
    this.#count = count;
  }

  add(row: number, example: Example): void {
    const conflict = this.#conflicts.get(row);
    if (!conflict) return;
    if (conflict.places.length < PLACES_SHOWN) conflict.places.push(placeText(example));
    if (conflict.completions.length < PLACES_SHOWN && !conflict.completions.includes(example.completion)) {
      conflict.completions.push(example.completion);
    }
  }

  all(): Conflicts {
    return { groups: this.#count, shown: [...new Set(this.#conflicts.values())] };
  }
}
