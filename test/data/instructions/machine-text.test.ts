import { dateAround, isDate, isToken } from '../../../src/data/instructions/machine-text.ts';

test.each([
  '2026-08-01',
  '2026-08-01T12:30:00Z',
  '2026-08-01 12:30:00.123+02:00',
  '01.08.2026',
  '8/1/26',
  'August 3, 2026',
  'Monday, 3rd of August 2026',
  'Mon Aug 3 2026 14:05 UTC',
  '3. März 2026',
  '14:05',
  '2:05 p.m.',
])('%s is a date', (text) => {
  expect(isDate(text)).toBe(true);
});

test.each([
  '',
  '2026',
  '12',
  'of the',
  'Monday',
  'in May',
  'May I come?',
  '3 wheels',
  '1.2.3',
  'on 2026-08-01',
  '2026-08-01 ok',
  'x'.repeat(100),
])('%j is no date', (text) => {
  expect(isDate(text)).toBe(false);
});

test.each(['TCK-20417', 'req_9f3a77b1', '123456', '4f0c2d9ab1', '6fa459ea-ee8a-3ca4-894e-db77e160355e', '#84113'])(
  '%s is a token',
  (text) => {
    expect(isToken(text)).toBe(true);
  },
);

test.each(['', 'hello', 'room 14', '42', '19.99', 'word', 'model-3', 'COVID-19', 'a1', 'yes'])(
  '%j is no token',
  (text) => {
    expect(isToken(text)).toBe(false);
  },
);

test('words of a date around a part of it belong to it', () => {
  expect(dateAround('It is Monday, ', ' August 2026. Be brief')).toEqual({ before: 8, after: 12 });
  expect(dateAround('It is ', ', be brief')).toEqual({ before: 0, after: 0 });
});

test('a long text of endless digits is examined in no time', () => {
  const text = '1 '.repeat(100_000);
  expect(isDate(text)).toBe(false);
  expect(isToken('a1'.repeat(100_000))).toBe(false);
  expect(dateAround(text, text).before).toBeLessThan(100);
});
