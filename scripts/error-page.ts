import { EXIT, exitCodeOf } from '../src/cli/exit-codes.ts';
import { ERROR_GUIDE } from '../src/error-guide.ts';
import { ERROR_CODES, type ErrorCode } from '../src/errors.ts';

const HEAD = `# Errors

<!-- Written by \`npm run errors\` from src/errors.ts, packages/app/src/errors.ts and src/error-guide.ts. -->

Every error that Tuneloop raises on purpose has a code. The code is what programs may rely on: \`error.code\` in the library,
\`code\` of the line that a command prints with \`--json\`, and the type of the failure in a workflow's history. The message is
for people: it names the file, the key or the program, and may change.

The exit code is that of a command which the error ends. A command that has waited for a run exits with ${EXIT.runFailed} where the run
failed, whatever the error was. "None" means that no command ends with the code: the step is tried again, or the run is paused.

An error without a code of this list is reported as \`INTERNAL\`, with exit code ${EXIT.unexpected}. It is a mistake of Tuneloop, or an error
of the Temporal client that nothing is known about.
`;

/** Makes the page of all error codes as Markdown, in the order of their names. */
export function errorPage(): string {
  const codes = (Object.keys(ERROR_CODES) as ErrorCode[]).toSorted();
  return `${HEAD}\n${codes.map(sectionOf).join('\n')}`;
}

function sectionOf(code: ErrorCode): string {
  const { why, fix } = ERROR_GUIDE[code];
  const meaning = ERROR_CODES[code];
  return [
    `## ${code}`,
    '',
    `${meaning[0]?.toUpperCase()}${meaning.slice(1)}.`,
    '',
    `* **Why:** ${why}`,
    `* **What to do:** ${fix}`,
    `* **Exit code:** ${exitText(code)}`,
    '',
  ].join('\n');
}

function exitText(code: ErrorCode): string {
  const { ends } = ERROR_GUIDE[code];
  if (ends === 'nothing') return 'none';
  return String(ends === 'run' ? EXIT.runFailed : exitCodeOf(code));
}
