import fc from 'fast-check';
import { pollDelayMs } from '../../src/activities/await-job.ts';

test('the first question is repeated after half a second, the second one 10 % later', () => {
  expect(pollDelayMs(1)).toBe(500);
  expect(pollDelayMs(2)).toBe(550);
});

test('a job is never asked for more often than twice a second, and never less than twice a minute', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), (attempt) => {
      const delay = pollDelayMs(attempt);
      expect(Number.isInteger(delay)).toBe(true);
      expect(delay).toBeGreaterThanOrEqual(500);
      expect(delay).toBeLessThanOrEqual(30_000);
    }),
  );
});

test('the time between questions never shrinks, and is the longest within 45 attempts', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), (attempt) => {
      expect(pollDelayMs(attempt + 1)).toBeGreaterThanOrEqual(pollDelayMs(attempt));
    }),
  );
  expect(pollDelayMs(45)).toBe(30_000);
  expect(pollDelayMs(44)).toBe(30_000);
});

test('a job of 4 minutes is asked for at most 50 times', () => {
  let waited = 0;
  let questions = 0;
  while (waited < 240_000) {
    questions += 1;
    waited += pollDelayMs(questions);
  }
  expect(questions).toBeLessThanOrEqual(50);
});
