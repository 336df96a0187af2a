import { readdirSync, readlinkSync } from 'node:fs';
import type { Cursor } from '../../src/core/run/snapshot.ts';
import type { SourceChoice } from '../../src/core/run/source-choice.ts';
import type { SourceDependencies } from '../../src/sources/kinds/kind.ts';
import { openSource } from '../../src/sources/open-source.ts';
import {
  describeSource,
  readSource,
  type SourceSettings,
  type SourceSubject,
  type SourceTraits,
} from '../../src/testing/sources.ts';

export { type Call, call } from '../../src/testing/sources.ts';

/** A log of one kind that a pipeline can name. */
export interface TestLog extends Omit<SourceSubject, 'open'> {
  /** Paths resolved. */
  choice(settings: SourceSettings): SourceChoice;
  dependencies: SourceDependencies;
}

/** The rules that every source keeps, for one that a pipeline can name. */
export function conformsToSource(traits: SourceTraits, makeLog: () => Promise<TestLog>): void {
  describeSource('of a pipeline', traits, async () => {
    const log = await makeLog();
    return { ...log, open: (settings) => openSource(log.choice(settings), log.dependencies) };
  });
}

/** Everything that a reading gives. */
export function readAll(choice: SourceChoice, dependencies: SourceDependencies, since: Cursor | null = null) {
  return readSource(openSource(choice, dependencies), since);
}

/** How many of this process's open files lie in a folder. */
export function openFilesIn(folder: string): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // Closed meanwhile, like the one that lists them.
      return '';
    }
  });
  return targets.filter((target) => target.startsWith(folder)).length;
}
