import { distance } from 'fastest-levenshtein';
import { labelsIn } from './label-choice.ts';
import { foldedLabel, jsonLabel, spellingKey } from './label-form.ts';

/** Labels that are probably one label in two spellings. */
export interface SuspiciousPair {
  labels: [string, string];
  rows: [number, number];
  why: 'separators or capitals' | 'one character';
}

const MOST_COMPARED = 500;
/** Shorter labels may well differ in one character. */
const SHORTEST_TYPO = 5;
/** A slip is rare beside the label that was meant. */
const RARE = 0.2;

/** Labels that differ in separators and capitals alone, and rare ones that are one character off a frequent one. */
export function suspiciousPairs(counts: ReadonlyMap<string, number>): SuspiciousPair[] {
  const labels = [...counts]
    .sort(([a, rowsOfA], [b, rowsOfB]) => rowsOfB - rowsOfA || (a < b ? -1 : 1))
    .slice(0, MOST_COMPARED);
  return labels.flatMap(([often, most], index) =>
    labels.slice(index + 1).flatMap(([seldom, few]): SuspiciousPair[] => {
      const why = whyAlike(often, seldom, few / most);
      return why ? [{ labels: [often, seldom], rows: [most, few], why }] : [];
    }),
  );
}

function whyAlike(a: string, b: string, share: number): SuspiciousPair['why'] | undefined {
  if (spellingKey(a) === spellingKey(b)) return 'separators or capitals';
  if (Math.min(a.length, b.length) < SHORTEST_TYPO || share > RARE) return undefined;
  // Figures in labels count: "tier 1" is not "tier 2".
  if (a.replace(/\P{Nd}/gu, '') !== b.replace(/\P{Nd}/gu, '')) return undefined;
  return distance(foldedLabel(a), foldedLabel(b)) === 1 ? 'one character' : undefined;
}

const FEWEST_ROWS = 20;
/** Share of different answers from which on they are no labels. */
const MOST_DIFFERENT = 0.5;
const MOST_FIELD_VALUES = 0.2;

/**
 * Why the answers of a log are no labels, with what would help; undefined where they may be labels.
 *
 * @param counts the number of rows with each answer
 */
export function notLabels(counts: ReadonlyMap<string, number>, multiLabel: boolean): string | undefined {
  const rows = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (rows < FEWEST_ROWS) return undefined;
  if (counts.size === 1) {
    const [[only = ''] = []] = counts;
    return `all ${rows} rows have the one answer ${JSON.stringify(only.slice(0, 60))}: a constant in your program does the same, so there is nothing to fine-tune`;
  }
  if (!multiLabel && areSets(counts)) {
    return (
      'answers list several labels, in different orders: set `multi_label: true`, so that order and separators do not count, ' +
      'or log one label for each row'
    );
  }
  if (counts.size <= rows * MOST_DIFFERENT) return undefined;
  const field = fieldOfLabels(counts, rows);
  return (
    `${rows} rows have ${counts.size} different answers, which are no labels: set \`task: generation\`` +
    (field
      ? `, or \`target: { json_field: ${field.name} }\`, which has ${field.values} different values`
      : ', or log the label alone')
  );
}

/** Whether the same labels stand in different orders. */
function areSets(counts: ReadonlyMap<string, number>): boolean {
  const sets = new Map<string, string>();
  let several = 0;
  let reordered = false;
  for (const [answer, count] of counts) {
    if (jsonLabel(answer)?.startsWith('{')) continue;
    const labels = labelsIn(answer);
    if (labels.length < 2) continue;
    several += count;
    const set = labels.map(spellingKey).sort().join('\n');
    const order = labels.map(spellingKey).join('\n');
    if ((sets.get(set) ?? order) !== order) reordered = true;
    sets.set(set, order);
  }
  return reordered && several > 1;
}

/** The field of JSON answers that has few enough values to be the label. */
function fieldOfLabels(
  counts: ReadonlyMap<string, number>,
  rows: number,
): { name: string; values: number } | undefined {
  const values = new Map<string, { different: Set<string>; rows: number }>();
  for (const [answer, count] of counts) {
    const json = jsonLabel(answer.trim());
    if (!json?.startsWith('{')) continue;
    for (const [key, value] of Object.entries(JSON.parse(json) as Record<string, unknown>)) {
      const seen = values.get(key) ?? { different: new Set(), rows: 0 };
      seen.different.add(JSON.stringify(value));
      seen.rows += count;
      values.set(key, seen);
    }
  }
  const found = [...values]
    .filter(
      ([, { different, rows: with_ }]) =>
        with_ >= rows * 0.9 && different.size > 1 && different.size <= rows * MOST_FIELD_VALUES,
    )
    .sort(([a, { different: ofA }], [b, { different: ofB }]) => ofA.size - ofB.size || (a < b ? -1 : 1))[0];
  return found && { name: found[0], values: found[1].different.size };
}
