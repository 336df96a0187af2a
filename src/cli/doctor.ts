import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';
import { withTuneloop } from './session.ts';

/** `doctor`: the requirements that this machine meets, with versions, and how to get the missing ones. */
export function doctor(options: { json?: boolean }): Promise<number> {
  return withTuneloop(async (tuneloop) => {
    const found = await tuneloop.check();
    printResult(options.json, found, () =>
      found.checks
        .map(
          ({ name, state, found: here, help }) =>
            `${MARKS[state]} ${name.padEnd(18)} ${here}${help ? `\n    ${help}` : ''}`,
        )
        .join('\n'),
    );
    return found.checks.some(({ state }) => state === 'missing') ? EXIT.environment : EXIT.ok;
  });
}

const MARKS = { ok: 'ok     ', absent: 'absent ', missing: 'MISSING' } as const;
