import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.join(import.meta.dirname, '..');
const COMPILER = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const CONFIG = 'tsconfig.build.json';

/** Compiles a package, by its folder below the root, to a new `dist/` in it. Packages that it imports come first. */
export function compile(folder: string): void {
  const cwd = path.join(ROOT, folder);
  rmSync(path.join(cwd, 'dist'), { recursive: true, force: true });
  execFileSync(process.execPath, [COMPILER, '-p', CONFIG], { cwd, stdio: 'inherit' });
}

/**
 * Compiles a package to `<staging>/<folder>/dist`, and writes nothing to the working tree. The types of packages that it
 * imports are read from the same staging folder, so those packages come first.
 *
 * @param staging a folder outside the working tree that mirrors its layout
 */
export function compileInto(staging: string, folder: string): void {
  const source = path.join(ROOT, folder);
  const target = path.join(staging, folder);
  const { compilerOptions }: { compilerOptions: { paths?: Record<string, string[]> } } = JSON.parse(
    readFileSync(path.join(source, CONFIG), 'utf8'),
  );
  const staged = (file: string) => path.join(staging, path.relative(ROOT, path.join(source, file)));
  const paths = Object.entries(compilerOptions.paths ?? {}).map(([name, files]) => [name, files.map(staged)]);
  const config = {
    extends: path.join(source, CONFIG),
    compilerOptions: {
      outDir: path.join(target, 'dist'),
      // The sources are not packed, so that a map would point at nothing.
      sourceMap: false,
      paths: Object.fromEntries(paths),
      typeRoots: [path.join(ROOT, 'node_modules', '@types')],
    },
  };
  mkdirSync(target, { recursive: true });
  const file = path.join(target, 'tsconfig.json');
  writeFileSync(file, JSON.stringify(config));
  execFileSync(process.execPath, [COMPILER, '-p', file], { stdio: 'inherit' });
  rmSync(file);
}
