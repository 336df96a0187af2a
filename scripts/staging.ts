import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bundleWorkflows } from './bundle-workflows.ts';
import { compileInto, ROOT } from './compile.ts';

/** A package of this repository. */
interface Package {
  name: string;
  /** From the root. */
  folder: string;
  /** Its page on npm, from the root. */
  readme: string;
}

/** A package comes after those that it imports. */
const PACKAGES: readonly Package[] = [
  { name: '@tuneloop/app', folder: 'packages/app', readme: 'packages/app/README.md' },
  { name: '@tuneloop/local-trainer', folder: 'packages/local-trainer', readme: 'packages/local-trainer/README.md' },
  // The README of the repository shows images and names files that the package does not have.
  { name: 'tuneloop', folder: '.', readme: 'docs/npm.md' },
];

/** What a source manifest has, and what only the repository needs of it. */
interface Manifest {
  name: string;
  version: string;
  exports: Record<string, string>;
  files: string[];
  private?: boolean;
  workspaces?: unknown;
  scripts?: unknown;
  devDependencies?: unknown;
}

export interface PackedPackage {
  name: string;
  version: string;
  /** Path of the tarball. */
  tarball: string;
}

/**
 * Packs all packages as npm gets them. Each is compiled into a temporary staging folder and packed there, so that the
 * working tree stays as it is, whatever else runs on it or ends this process.
 *
 * In the repository a package exports its TypeScript sources, so that a change is seen without a build. A packed one exports
 * what was compiled from them, because Node runs no TypeScript below node_modules.
 *
 * @param out existing folder for the tarballs
 */
export async function packAll(out: string): Promise<PackedPackage[]> {
  // Without symbolic links, because a compiler compares paths.
  const staging = mkdtempSync(path.join(realpathSync(tmpdir()), 'tuneloop-pack-'));
  try {
    const packed: PackedPackage[] = [];
    for (const each of PACKAGES) packed.push(await pack(each, staging, out));
    return packed;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

async function pack({ name, folder, readme }: Package, staging: string, out: string): Promise<PackedPackage> {
  const target = path.join(staging, folder);
  compileInto(staging, folder);
  if (folder === '.') await bundleIn(target);

  const manifest = packedManifest(JSON.parse(readFileSync(path.join(ROOT, folder, 'package.json'), 'utf8')));
  for (const file of manifest.files) {
    // Python writes its compiled files beside the sources.
    const filter = (source: string) => path.basename(source) !== '__pycache__';
    if (file !== 'dist') cpSync(path.join(ROOT, folder, file), path.join(target, file), { recursive: true, filter });
  }
  cpSync(path.join(ROOT, readme), path.join(target, 'README.md'));
  cpSync(path.join(ROOT, 'LICENSE'), path.join(target, 'LICENSE'));
  writeFileSync(path.join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);

  const destination = path.resolve(out);
  mkdirSync(destination, { recursive: true });
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', destination], {
    cwd: target,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  // npm names a tarball so.
  const file = `${name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`;
  return { name, version: manifest.version, tarball: path.join(destination, file) };
}

/** The manifest of a packed package: compiled entries, and nothing that only the repository needs. */
function packedManifest(source: Manifest): Manifest {
  const { private: _private, workspaces: _workspaces, scripts: _scripts, devDependencies: _dev, ...manifest } = source;
  const entries = Object.entries(manifest.exports).map(([name, target]) => [name, packedEntry(target)]);
  return { ...manifest, exports: Object.fromEntries(entries) };
}

/** The entry that a packed package has for an entry of the repository. */
function packedEntry(target: string): string | { types: string; default: string } {
  const compiled = /^\.\/src\/(.+)\.ts$/.exec(target)?.[1];
  return compiled === undefined ? target : { types: `./dist/${compiled}.d.ts`, default: `./dist/${compiled}.js` };
}

/** Bundles the workflows of the staged main package, which has no dependencies beside it. */
async function bundleIn(target: string): Promise<void> {
  const link = path.join(target, 'node_modules');
  symlinkSync(path.join(ROOT, 'node_modules'), link, 'junction');
  await bundleWorkflows(path.join(target, 'dist'));
  rmSync(link);
}
