import type { JobIdentity, JobRequest } from './training.ts';

/** Characters of the key and of the execution's id: enough to tell apart the jobs of an account, and short enough for every suffix. */
const KEY_LENGTH = 12;
const EXECUTION_LENGTH = 8;
const LABEL = /(?:^|-)([0-9a-f]{12})-([0-9a-f]{8})$/;

/**
 * The name of a job for people, with the fingerprint that stays where metadata and seed are lost: `support-triage-1b4e28ba2fa1-9f0c77d2`,
 * which is the pipeline, the beginning of the job's key, and the end of the id of the execution that created it. Such an id begins with its
 * time, which all executions of the same minute share.
 *
 * @param longest in characters, at least 22; the pipeline's name is cut
 */
export function jobLabel({ key, owner }: Pick<JobRequest, 'key' | 'owner'>, longest: number): string {
  const end = `${key.slice(0, KEY_LENGTH)}-${owner.executionId.slice(-EXECUTION_LENGTH)}`;
  const name = owner.pipeline.slice(0, Math.max(0, longest - end.length - 1)).replace(/-+$/, '');
  return name === '' ? end : `${name}-${end}`;
}

/** Whether a label is the one of this job. */
export function isLabelOf(label: string | null | undefined, { key }: Pick<JobIdentity, 'key'>): boolean {
  return label ? LABEL.exec(label)?.[1] === key.slice(0, KEY_LENGTH) : false;
}

/** The owner that a label names; undefined for a label of somebody else. */
export function labelOwner(label: string | null | undefined): { executionEnd: string } | undefined {
  const executionEnd = label ? LABEL.exec(label)?.[2] : undefined;
  return executionEnd === undefined ? undefined : { executionEnd };
}
