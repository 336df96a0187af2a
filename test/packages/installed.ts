import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../setup/cli.ts';

const MODULES = path.join(ROOT, 'node_modules');
const TYPESCRIPT = path.join(MODULES, 'typescript', 'bin', 'tsc');

export interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end, whatever its exit code. */
export function run(program: string, args: string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Run> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      if (error === null) resolve({ code: 0, stdout, stderr });
      else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
      else reject(error);
    });
  });
}

/** Runs a module of a project and returns what it prints as JSON. */
export async function evaluate(project: string, program: string): Promise<unknown> {
  const { code, stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', program], project);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** An empty project below a folder. */
export function emptyProject(folder: string): string {
  const project = mkdtempSync(path.join(folder, 'project-'));
  writeFileSync(path.join(project, 'package.json'), '{ "name": "project", "private": true, "type": "module" }\n');
  return project;
}

/**
 * A project in which tarballs are installed as npm would do it, with their dependencies linked from this checkout: those of
 * the main package have hundreds of megabytes.
 */
export async function projectWith(folder: string, tarballs: ReadonlyMap<string, string>): Promise<string> {
  const project = emptyProject(folder);
  const modules = path.join(project, 'node_modules');
  for (const name of packagesIn(MODULES)) if (!tarballs.has(name)) linkPackage(project, name);
  for (const [name, tarball] of tarballs) {
    const target = path.join(modules, name);
    mkdirSync(target, { recursive: true });
    const { code, stderr } = await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'], project);
    if (code !== 0) throw new Error(stderr);
    // npm keeps a version beside a package where the packages of the project need another one.
    const own = path.join(ROOT, 'packages', path.basename(name), 'node_modules');
    for (const dependency of existsSync(own) ? packagesIn(own) : []) linkPackage(target, dependency, own);
  }
  return project;
}

/** Links a package of this checkout into a project, or into a package of a project. */
export function linkPackage(project: string, name: string, modules = MODULES): void {
  const link = path.join(project, 'node_modules', name);
  mkdirSync(path.dirname(link), { recursive: true });
  symlinkSync(path.join(modules, name), link, 'junction');
}

/** The names of the packages in a node_modules folder, with their scopes. */
export function packagesIn(modules: string): string[] {
  return readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(path.join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
    );
}

export interface Resolution {
  module: string;
  moduleResolution: string;
}

/**
 * The errors that the compiler finds in files of a project and in the declarations of its installed packages, a line each.
 * Errors in declarations of linked packages are left out, because they are not ours: Temporal's lack the types of a package.
 */
export async function typeErrors(
  project: string,
  files: ReadonlyMap<string, string>,
  how: Resolution,
): Promise<string[]> {
  for (const [name, text] of files) writeFileSync(path.join(project, name), text);
  const config = {
    compilerOptions: {
      ...how,
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable'],
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      types: ['node'],
    },
    files: [...files.keys()],
  };
  writeFileSync(path.join(project, 'tsconfig.json'), JSON.stringify(config));
  const { stdout, stderr } = await run(process.execPath, [TYPESCRIPT, '-p', 'tsconfig.json'], project);
  if (stderr !== '') throw new Error(stderr);
  return stdout
    .split('\n')
    .filter((line) => /error TS\d+/.test(line))
    .filter((line) => !path.resolve(project, line).startsWith(MODULES + path.sep));
}

/** The TypeScript of a package's page, by file name. */
export function examplesOf(project: string, name: string): Map<string, string> {
  const readme = readFileSync(path.join(project, 'node_modules', name, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text = '']) => text);
  return new Map(blocks.map((text, index) => [`${name.replaceAll(/\W/g, '-')}-${index + 1}.ts`, text]));
}
