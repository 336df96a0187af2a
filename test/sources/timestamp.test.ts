import { isoTimestamp, parseTime } from '../../src/sources/timestamp.ts';

test.each([
  ['2026-08-01 12:00:00.123456', '2026-08-01T12:00:00.123456Z'],
  ['2026-08-01T12:00', '2026-08-01T12:00Z'],
  ['2026-08-01 12:00:00+00', '2026-08-01T12:00:00Z'],
  ['2026-08-01 12:00:00.5-03:30', '2026-08-01T12:00:00.5-03:30'],
  ['2026-08-01 12:00:00+0530', '2026-08-01T12:00:00+05:30'],
  ['2026-08-01T12:00:00Z', '2026-08-01T12:00:00Z'],
  ['2026-08-01', '2026-08-01'],
  ['yesterday', 'yesterday'],
])('%s is %s in ISO 8601, and again when read twice', (text, iso) => {
  expect(isoTimestamp(text)).toBe(iso);
  expect(isoTimestamp(iso)).toBe(iso);
});

test('a time without a zone is UTC, whatever the zone of the machine', () => {
  expect(parseTime('2026-08-01 12:00:00')).toBe(Date.UTC(2026, 7, 1, 12));
  expect(parseTime('2026-08-01T12:00')).toBe(Date.UTC(2026, 7, 1, 12));
  expect(parseTime('2026-08-01')).toBe(Date.UTC(2026, 7, 1));
  expect(parseTime('2026-08-01 12:00:00.5+02')).toBe(Date.UTC(2026, 7, 1, 10, 0, 0, 500));
  expect(parseTime('yesterday')).toBeNaN();
});
