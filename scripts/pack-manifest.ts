/**
 * Runs before and after `npm pack` of a package below packages/, in its folder. In the repository a package exports its sources, so that a
 * change is seen without a build. A packed one exports the compiled files, because Node runs no TypeScript below node_modules.
 */
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compile, ROOT } from './compile.ts';

const MANIFEST = 'package.json';
/** The manifest of the repository, while the other one is in its place. */
const SOURCE = 'package.json.source';

/** The entry of a packed package for an entry of the repository. */
function packedEntry(target: string): string | { types: string; default: string } {
  const compiled = /^\.\/src\/(.+)\.ts$/.exec(target)?.[1];
  return compiled === undefined ? target : { types: `./dist/${compiled}.d.ts`, default: `./dist/${compiled}.js` };
}

function restore(): void {
  if (existsSync(SOURCE)) renameSync(SOURCE, MANIFEST);
}

if (process.argv[2] === 'prepack') {
  // An interrupted run has left the other manifest behind.
  restore();
  compile('packages/app');
  const folder = path.relative(ROOT, process.cwd());
  if (folder !== path.join('packages', 'app')) compile(folder);
  const manifest: { exports: Record<string, string> } = JSON.parse(readFileSync(MANIFEST, 'utf8'));
  const exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([name, target]) => [name, packedEntry(target)]),
  );
  copyFileSync(MANIFEST, SOURCE);
  writeFileSync(MANIFEST, `${JSON.stringify({ ...manifest, exports }, null, 2)}\n`);
} else {
  restore();
}
