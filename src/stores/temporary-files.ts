import { randomUUID } from 'node:crypto';

/**
 * A name beside a file, for a draft that is renamed to the file once it is whole. The name holds the process that writes, so that the
 * drafts of killed processes can be swept.
 */
export function temporaryName(file: string): string {
  return `${file}.writing-${process.pid}-${randomUUID()}`;
}

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** Earlier versions left the process id out, and called the drafts of aliases `.alias-<uuid>`. */
const TEMPORARY = new RegExp(`^(?:.*\\.writing-(?:(\\d+)-)?|\\.alias-)${UUID}$`);
const SERVICES = /^services\.json\.(\d+)$/;

/** Whether a file of this name is a draft of a file in the home. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(name) || SERVICES.test(name);
}

/** The id of the process that writes a draft; null where its name does not hold it. */
export function writerOf(name: string): number | null {
  const pid = (TEMPORARY.exec(name) ?? SERVICES.exec(name))?.[1];
  return pid === undefined ? null : Number(pid);
}
