import type { LogRow } from '../../../src/core/dataset/row.ts';
import { answerOf } from '../../../src/data/labels/labelling-log.ts';

const row: LogRow = { line: 1, id: 'r-1', messages: [{ role: 'user', content: 'hello' }], completion: 'billing' };
const own: LogRow = { ...row, flaw: 'own-answer' };

test('the recorded output is the answer, unless it is flawed', () => {
  expect(answerOf({ row, later: [] })).toEqual({ text: 'billing', checked: false, by: undefined });
  expect(answerOf({ row: { ...row, flaw: 'cut-off' }, later: [] })).toBeNull();
});

test('an answer of our own does not count, so that a teacher is asked, until a right one is given', () => {
  expect(answerOf({ row: own, later: [] })).toBeNull();
  expect(answerOf({ row: own, later: [{ id: 'r-1', quality: 1 }] })).toBeNull();
  expect(answerOf({ row: { ...own, actual: 'billing' }, later: [] })).toMatchObject({ text: 'billing', checked: true });
});

test('the latest right answer counts', () => {
  const later = [
    { id: 'r-1', actual: 'refund', by: 'model:teacher' },
    { id: 'r-1', actual: 'repair', by: 'person:ana' },
    { id: 'r-1', quality: 0 },
  ];
  expect(answerOf({ row: own, later })).toEqual({ text: 'repair', checked: true, by: 'person:ana' });
});
