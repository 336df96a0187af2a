import TestSequencer from '@jest/test-sequencer';

/** Folders of tests that start processes, the slowest first. All other tests take seconds. */
const SLOW_FOLDERS = [
  'integration',
  'chaos',
  'faults',
  'browser',
  'packages',
  'workflows',
  'lineage',
  'sources',
  'cli',
];

/**
 * Starts the slowest test files first, so that no processor waits for the last one. Jest itself does so from the second
 * run on, when it knows how long each file takes; on a new clone it goes by the size of the files, which says nothing.
 */
export default class SlowFirstSequencer extends TestSequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    return sorted.some(({ duration }) => duration !== undefined)
      ? sorted
      : sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ path, context }) {
  const folder = path.slice(context.config.rootDir.length).split(/[/\\]/)[2];
  const index = SLOW_FOLDERS.indexOf(folder);
  return index === -1 ? SLOW_FOLDERS.length : index;
}
