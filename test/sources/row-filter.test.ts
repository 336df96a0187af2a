import { accepts } from '../../src/sources/row-filter.ts';

test('a row that lacks a required fact stays out', () => {
  expect(accepts({}, {})).toBe(true);
  expect(accepts({ from: '2026-08-01' }, {})).toBe(false);
  expect(accepts({ to: '2026-08-01' }, {})).toBe(false);
  expect(accepts({ models: ['a'] }, {})).toBe(false);
  expect(accepts({ metadata: { plan: 'pro' } }, {})).toBe(false);
  expect(accepts({ min_quality: 1 }, {})).toBe(true);
});

test('times are compared as times, zones included', () => {
  const window = { from: '2026-08-01', to: '2026-08-02T00:00:00+02:00' };
  expect(accepts(window, { timestamp: '2026-08-01T00:00:00Z' })).toBe(true);
  expect(accepts(window, { timestamp: '2026-08-01T01:30:00+02:00' })).toBe(false);
  expect(accepts(window, { timestamp: '2026-08-01T21:59:59.999Z' })).toBe(true);
  expect(accepts(window, { timestamp: '2026-08-01T22:00:00Z' })).toBe(false);
});

test('a key that every object has is no metadata', () => {
  expect(accepts({ metadata: { toString: 'x' } }, { metadata: {} })).toBe(false);
  expect(accepts({ metadata: { toString: 'x' } }, { metadata: Object.fromEntries([['toString', 'x']]) })).toBe(true);
});
