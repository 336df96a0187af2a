import { execFileSync, spawn } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { freePort } from '../../src/local/ports.ts';

export interface Postgres {
  /** With name and password. */
  url: string;
  password: string;
  query(text: string, values?: unknown[]): Promise<pg.QueryResult>;
  stop(): Promise<void>;
}

const PROGRAMS = globSync('/usr/lib/postgresql/*/bin').findLast((folder) => existsSync(path.join(folder, 'initdb')));

/** Whether there is a PostgreSQL to test with; says so once where there is none. */
export function hasPostgres(): boolean {
  if (!PROGRAMS) console.warn('PostgreSQL tests are skipped: no server at /usr/lib/postgresql');
  return PROGRAMS !== undefined;
}

/** A server of its own on a free port of the loopback interface, which asks for a password. */
export async function startPostgres(): Promise<Postgres> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tuneloop-postgres-'));
  const password = `pw-${path.basename(folder)}`;
  const data = path.join(folder, 'data');
  const passwordFile = path.join(folder, 'password');
  writeFileSync(passwordFile, password);
  const owner = serverUser();
  if (owner.uid !== undefined) execFileSync('chown', ['-R', `${owner.uid}:${owner.gid}`, folder]);
  const programs = PROGRAMS ?? '';
  execFileSync(
    path.join(programs, 'initdb'),
    ['-D', data, '-U', 'tester', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--locale=C', '-N'],
    { ...owner, cwd: folder, stdio: 'ignore' },
  );
  const port = await freePort();
  const server = spawn(
    path.join(programs, 'postgres'),
    ['-D', data, '-p', `${port}`, '-h', '127.0.0.1', '-k', '', '-F', '-c', 'shared_buffers=16MB'],
    { ...owner, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let log = '';
    server.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('ready to accept connections')) resolve();
    });
    server.once('exit', () => reject(new Error(`PostgreSQL did not start: ${log}`)));
  });
  const url = `postgres://tester:${password}@127.0.0.1:${port}/postgres`;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return {
    url,
    password,
    query: (text, values) => client.query(text, values),
    async stop() {
      await client.end();
      // Fast shutdown: connections are closed.
      server.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

/** The server refuses to run as root: then it runs as the user of its package. */
function serverUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (option: string) => Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
