import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../setup/cli.ts';

interface Service {
  image?: string;
  build?: string | { context: string; dockerfile?: string };
  profiles?: string[];
  command?: string[];
  volumes?: string[];
  environment?: Record<string, string | null>;
  network_mode?: string;
  ports?: string[];
  depends_on?: Record<string, unknown>;
  deploy?: unknown;
}

const compose: { services: Record<string, Service>; volumes: Record<string, unknown> } = parse(
  readFileSync(path.join(ROOT, 'docker-compose.yml'), 'utf8'),
  { merge: true },
);
const services = Object.entries(compose.services);
const gpu = compose.services['trainer-gpu'];

test.each(services)('service %s names files, volumes and services that exist', (_name, service) => {
  const { build, volumes = [], depends_on: needs = {}, network_mode: network } = service;
  if (typeof build === 'object') expect(existsSync(path.join(ROOT, build.dockerfile ?? 'Dockerfile'))).toBe(true);
  for (const volume of volumes) {
    const [source = ''] = volume.split(':');
    if (/^\w+$/.test(source)) expect(Object.keys(compose.volumes)).toContain(source);
    else if (source.startsWith('./')) expect(existsSync(path.join(ROOT, source))).toBe(true);
  }
  const named = [...Object.keys(needs), ...(network?.startsWith('service:') ? [network.slice(8)] : [])];
  for (const name of named) expect(Object.keys(compose.services)).toContain(name);
});

test('the trainer for GPUs starts in its profile only, gets the GPUs, and is not reachable from other machines', () => {
  expect(gpu?.profiles).toEqual(['gpu']);
  expect(gpu?.deploy).toEqual({
    resources: { reservations: { devices: [{ driver: 'nvidia', count: 'all', capabilities: ['gpu'] }] } },
  });
  expect(gpu?.network_mode).toBe('service:loopback');
  expect(gpu?.ports).toBeUndefined();
});

test('the trainer for GPUs gets no key of a provider', () => {
  expect(Object.keys(gpu?.environment ?? {}).filter((name) => /KEY|SECRET|TOKEN|PASSWORD/.test(name))).toEqual([]);
});

test('the image for GPUs copies from the other image only paths that it has, and runs as a user', () => {
  const lines = (file: string) => readFileSync(path.join(ROOT, file), 'utf8').split('\n');
  const own = lines('Dockerfile.gpu');
  expect(own).toContain('USER 1000:1000');
  const copied = own.flatMap((line) => /^COPY --from=tuneloop (\S+)/.exec(line)?.[1] ?? []);
  expect(copied).toEqual(['/usr/local/bin/node', '/app']);
  expect(lines('Dockerfile')).toContain('WORKDIR /app');
  const folder = /TUNELOOP_ENGINE_DIR=(\S+)/.exec(own.join('\n'))?.[1];
  expect(gpu?.volumes).toContain(`engine:${folder}`);
  expect(gpu?.environment?.TUNELOOP_ENGINE_DIR).toBe(folder);
});
