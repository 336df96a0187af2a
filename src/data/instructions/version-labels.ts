/** The number of answers of a version that is enough to judge all of them. */
const FEWEST_ANSWERS = 20;
/** Labels with no more than this share of a version's answers may be slips. */
const SLIP_SHARE = 0.01;
/** Share of a version's answers whose labels the other version must know too. */
const LEAST_SHARED = 0.5;
const LABELS_SHOWN = 5;

/**
 * Warns of versions of a prompt whose labels differ strongly, for example because a later prompt has renamed them: a model that is trained
 * on both learns to mix them up.
 *
 * @param counts - for each version how often each label was answered
 */
export function disagreeingVersions(counts: ReadonlyMap<number, ReadonlyMap<string, number>>): string[] {
  const versions = [...counts].filter(([, labels]) => sizeOf(labels) >= FEWEST_ANSWERS).sort(([a], [b]) => a - b);
  return versions.flatMap(([a, labelsOfA], index) =>
    versions.slice(index + 1).flatMap(([b, labelsOfB]) => {
      const shared = Math.min(sharedShare(labelsOfA, labelsOfB), sharedShare(labelsOfB, labelsOfA));
      if (shared >= LEAST_SHARED) return [];
      return [
        `versions ${a + 1} and ${b + 1} of the prompt are answered with different labels (${onlyIn(labelsOfA, labelsOfB)} | ` +
          `${onlyIn(labelsOfB, labelsOfA)}): if labels were renamed, rename them in the log, or use one version alone`,
      ];
    }),
  );
}

function sizeOf(labels: ReadonlyMap<string, number>): number {
  return [...labels.values()].reduce((sum, count) => sum + count, 0);
}

/** The share of one version's answers that the other one gives too. */
function sharedShare(labels: ReadonlyMap<string, number>, others: ReadonlyMap<string, number>): number {
  const used = usedLabels(others);
  const shared = [...labels].reduce((sum, [label, count]) => sum + (used.has(label) ? count : 0), 0);
  return shared / sizeOf(labels);
}

function usedLabels(labels: ReadonlyMap<string, number>): Set<string> {
  const fewest = SLIP_SHARE * sizeOf(labels);
  return new Set([...labels].filter(([, count]) => count > fewest).map(([label]) => label));
}

function byCount(labels: ReadonlyMap<string, number>): [string, number][] {
  return [...labels].sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || (a < b ? -1 : 1));
}

function onlyIn(labels: ReadonlyMap<string, number>, others: ReadonlyMap<string, number>): string {
  const only = byCount(labels).filter(([label]) => !others.has(label));
  const shown = only.slice(0, LABELS_SHOWN).map(([label]) => label);
  return only.length > LABELS_SHOWN ? `${shown.join(', ')}, ...` : shown.join(', ') || 'no others';
}
