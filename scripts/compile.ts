import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.join(import.meta.dirname, '..');
const COMPILER = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');

/** Compiles a package, by its folder below the root, to a new `dist/` in it. Packages that it imports come first. */
export function compile(folder: string): void {
  const cwd = path.join(ROOT, folder);
  rmSync(path.join(cwd, 'dist'), { recursive: true, force: true });
  execFileSync(process.execPath, [COMPILER, '-p', 'tsconfig.build.json'], { cwd, stdio: 'inherit' });
}
