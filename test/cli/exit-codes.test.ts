import { EXIT, EXIT_CODES_HELP, exitCodeOf, exitCodeOfRun } from '../../src/cli/exit-codes.ts';
import { ERROR_CODES, type ErrorCode } from '../../src/errors.ts';

test.each<ErrorCode>(['USAGE', 'PIPELINE_INVALID', 'RUN_NOT_FOUND'])('%s is a mistake in the command', (code) => {
  expect(exitCodeOf(code)).toBe(2);
});

test.each<ErrorCode>([
  'ENVIRONMENT_INVALID',
  'TEMPORAL_UNREACHABLE',
  'TEMPORAL_UNAVAILABLE_HERE',
  'PORT_TAKEN',
  'SERVICE_FAILED',
  'LOCKED',
])('%s is a missing object', (code) => {
  expect(exitCodeOf(code)).toBe(3);
});

test.each([
  ['completed', 0],
  ['cancelled', 5],
  ['failed', 4],
  ['terminated', 4],
  ['timed_out', 4],
] as const)('a run that was followed until it is %s ends the command with %i', (status, code) => {
  expect(exitCodeOfRun({ status })).toBe(code);
});

test('no error ends with the code of success', () => {
  for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) expect(exitCodeOf(code)).not.toBe(EXIT.ok);
});

test('every exit code has a meaning of its own, and the help lists them all', () => {
  const codes = Object.values(EXIT);
  expect(new Set(codes).size).toBe(codes.length);
  expect([...EXIT_CODES_HELP.matchAll(/^ {2}(\d+) /gm)].map(([, code]) => Number(code))).toEqual(codes);
});
