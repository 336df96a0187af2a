import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Environment } from '../config/environment.ts';
import { LOCAL } from '../providers/profiles/local.ts';
import { ignoreFile, servicesFile } from './home.ts';

/** The services that run on this machine for a home folder, so that other commands find them. */
export interface Services {
  /** Process id of the command that started them and stops them, unless they are kept. */
  owner: number;
  /** Whether they outlive that command. */
  kept: boolean;
  temporal?: { address: string; ui: string; pid: number };
  trainer?: { url: string; pid: number };
  worker?: { pid: number };
}

const pid = z.int();
const servicesSchema = z.object({
  owner: pid,
  kept: z.boolean(),
  temporal: z.object({ address: z.string(), ui: z.string(), pid }).exactOptional(),
  trainer: z.object({ url: z.string(), pid }).exactOptional(),
  worker: z.object({ pid }).exactOptional(),
}) satisfies z.ZodType<Services>;

/** The record of a home folder; undefined where there is none, or where its owner died without tidying up. */
export function readServices(home: string): Services | undefined {
  const services = readRecord(home);
  return services && (services.kept || isAlive(services.owner)) ? services : undefined;
}

/** The address of the local trainer: from the environment, else from its start for the home folder, else the usual one. */
export function trainerUrlOf({ home, trainerUrl }: Environment): string {
  return trainerUrl ?? readServices(home)?.trainer?.url ?? LOCAL.address;
}

/** The record of a dead owner; its services end by themselves soon after it. */
export function readLeftovers(home: string): Services | undefined {
  const services = readRecord(home);
  return services && !services.kept && !isAlive(services.owner) ? services : undefined;
}

/** The process ids of a record. */
export function pidsOf({ temporal, trainer, worker }: Services): number[] {
  return [worker, trainer, temporal].flatMap((service) => service?.pid ?? []);
}

function readRecord(home: string): Services | undefined {
  try {
    return servicesSchema.parse(JSON.parse(readFileSync(servicesFile(home), 'utf8')));
  } catch {
    return undefined;
  }
}

export function writeServices(home: string, services: Services): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  // It holds production data, so it is kept out of the repository of a user whose home folder is in a checkout.
  const ignore = ignoreFile(home);
  if (!existsSync(ignore)) writeFileSync(ignore, '*\n', { mode: 0o600 });
  const temporary = `${servicesFile(home)}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(services, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, servicesFile(home));
}

export function removeServices(home: string): void {
  rmSync(servicesFile(home), { force: true });
}

export function isAlive(pid: number): boolean {
  // 0 and below stand for groups of processes.
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process lives, but belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
