import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import type { Report } from '../../src/report/report.ts';
import { parseReport, reportJsonSchema } from '../../src/report/report-schema.ts';
import { sampleReport } from './sample-report.ts';

const SAMPLE = sampleReport();
const reportWith = (changes: Partial<Report> = {}): Report => ({ ...SAMPLE, ...changes });

const FILE = '/runs/support/1/report.json';
const ROOT = path.join(import.meta.dirname, '..', '..');
const validate = new Ajv({ allErrors: true }).compile(reportJsonSchema());
const written = (changes: Parameters<typeof reportWith>[0] = {}) => JSON.stringify(reportWith(changes));

test('schema/report.schema.json is current: `npm run schema` writes it', () => {
  const text = readFileSync(path.join(ROOT, 'schema', 'report.schema.json'), 'utf8');
  expect(JSON.parse(text)).toEqual(reportJsonSchema());
});

test('the JSON Schema accepts a written report', () => {
  validate(JSON.parse(written()));
  expect(validate.errors).toBeNull();
});

test('the JSON Schema accepts a run without a winner', () => {
  const nothing = {
    winner: null,
    winnerModel: null,
    winnerJudged: null,
    comparison: null,
    flips: null,
    classification: null,
  };
  expect(validate(JSON.parse(written(nothing)))).toBe(true);
});

test('the JSON Schema refuses another type and a missing key', () => {
  const report = JSON.parse(written());
  expect(validate({ ...report, candidates: {} })).toBe(false);
  const { recommendation: _, ...incomplete } = report;
  expect(validate(incomplete)).toBe(false);
});

test('a report is read back as it was written', () => {
  expect(parseReport(written(), FILE)).toEqual(JSON.parse(written()));
});

test('keys that a later version adds are passed over', () => {
  expect(parseReport(JSON.stringify({ ...reportWith(), later: 1 }), FILE)).toEqual(JSON.parse(written()));
});

test('infinitely many needed rows are written and read as null', () => {
  const { comparison } = reportWith();
  if (!comparison) throw new Error('a comparison expected');
  const endless = written({ comparison: { ...comparison, rowsNeeded: Number.POSITIVE_INFINITY } });
  expect(parseReport(endless, FILE).comparison?.rowsNeeded).toBeNull();
});

describe('an unreadable report is refused with its file and advice', () => {
  const report = reportWith();
  test.each<[string, string, RegExp]>([
    ['no JSON', '{"format": 1,', /the whole of it is not as a run writes it/],
    ['another JSON value', '[]', /the whole of it is not as a run writes it/],
    ['a report of an older version', JSON.stringify({ runId: 'support/1', winner: null }), /older version.*new run/],
    ['a later format', JSON.stringify({ ...report, format: 2 }), /format 2, and this version reads format 1: .*newer/],
    ['an earlier format', JSON.stringify({ ...report, format: 0 }), /format 0, .*: make a new run/],
    ['a broken key', JSON.stringify({ ...report, spent: { usd: 'much' } }), /: spent\.usd is not as a run writes it/],
  ])('%s', (_what, text, message) => {
    const read = () => parseReport(text, FILE);
    expect(read).toThrow(message);
    expect(read).toThrow(
      expect.objectContaining({ code: 'REPORT_UNREADABLE', message: expect.stringContaining(FILE) }),
    );
  });

  test('the refusal of a report holds no word of the rows', () => {
    const flip = { id: 'a', input: 'a secret', expected: 'b', winner: 'b', baseline: 'c', difference: 'much' };
    const text = JSON.stringify({ ...report, flips: { gained: [flip], lost: [] } });
    expect(() => parseReport(text, FILE)).toThrow(/: flips\.gained is not/);
    expect(() => parseReport(text, FILE)).not.toThrow(/secret/);
  });
});
