import path from 'node:path';

/**
 * Where one run keeps what people open (reports) and what it has not finished (predictions).
 * Built from the workflow's id, which may hold any character: each part becomes a plain file name.
 */
export function runFolder(home: string, runId: string): string {
  return path.join(home, 'runs', ...runId.split('/').map(fileName));
}

/** A file name that cannot leave its folder: anything but letters, digits, `-`, `_`, `.` becomes `_`. */
export function fileName(part: string): string {
  const plain = part.replace(/[^\w.-]/g, '_').slice(0, 120);
  return /^\.*$/.test(plain) ? `_${plain}` : plain;
}
