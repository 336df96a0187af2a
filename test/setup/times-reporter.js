import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Keeps how long each test file and each test of this run took, in seconds, for `npm run test:slow`. */
export default class TimesReporter {
  constructor({ rootDir }) {
    this.rootDir = rootDir;
  }

  onRunComplete(_contexts, { testResults }) {
    const folder = path.join(this.rootDir, 'node_modules', '.cache', 'tuneloop');
    const files = testResults.map(({ testFilePath, perfStats, testResults: tests }) => ({
      file: path.relative(this.rootDir, testFilePath),
      seconds: perfStats.runtime / 1000,
      tests: tests.map(({ fullName, duration }) => ({ name: fullName, seconds: (duration ?? 0) / 1000 })),
    }));
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'test-times.json'), JSON.stringify(files));
  }
}
