import { plainText } from '../core/text/format.ts';

/** Progress and remarks go to standard error, results to standard output. */
export function say(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** Prints a result: as one JSON object on one line, or as text for people. */
export function printResult(json: boolean | undefined, value: unknown, text: () => string): void {
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${text()}\n`);
}

/** Reports the error that ended a command: on standard error, and where JSON was asked for as JSON too. */
export function printError(json: boolean, code: string, message: string): void {
  process.stderr.write(`${code}: ${plainText(message)}\n`);
  if (json) process.stdout.write(`${JSON.stringify({ status: 'failed', error: { code, message } })}\n`);
}
