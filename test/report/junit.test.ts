import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { compareScores } from '../../src/core/evaluation/comparison.ts';
import { escapeXml, junitReport, type Limits } from '../../src/report/junit.ts';
import type { Report } from '../../src/report/report.ts';
import { sampleReport } from './sample-report.ts';

const SAMPLE = sampleReport();
const reportWith = (changes: Partial<Report> = {}): Report => ({ ...SAMPLE, ...changes });
const LIMITS: Limits = { max_invalid: 0.1 };

/** The result of Python's XML parser: each element with its attributes, its text and its children. */
interface Element {
  tag: string;
  attributes: Record<string, string>;
  text: string;
  children: Element[];
}

const READ = `
import json, sys
import xml.etree.ElementTree as tree

def read(element):
    return {'tag': element.tag, 'attributes': element.attrib, 'text': element.text or '', 'children': [read(child) for child in element]}
print(json.dumps([read(tree.fromstring(document)) for document in json.load(sys.stdin)]))
`;

/** Parses documents, all of them in one process. */
function parseXml(documents: string[]): Element[] {
  return JSON.parse(
    execFileSync('python3', ['-c', READ], { input: JSON.stringify(documents), maxBuffer: 1 << 28 }).toString(),
  );
}

function hasPython(): boolean {
  try {
    execFileSync('python3', ['-c', 'import xml.etree.ElementTree']);
    return true;
  } catch {
    return false;
  }
}

const withParser = hasPython() ? test : test.skip;

/** The outcome of each test case by its name. */
function outcomes(report: Report, limits: Limits = LIMITS): Record<string, string> {
  const xml = junitReport(report, limits);
  const cases = [...xml.matchAll(/<testcase [^>]*name="([^"]*)"[^>]*?(\/>|><(failure|skipped) )/g)];
  return Object.fromEntries(cases.map(([, name = '', end, state]) => [name, end === '/>' ? 'passed' : (state ?? '')]));
}

const compared = (right: number, wrong: number, ties: number) =>
  compareScores(
    [...Array(right).fill(1), ...Array(wrong).fill(0), ...Array(ties).fill(1)],
    [...Array(right).fill(0), ...Array(wrong).fill(1), ...Array(ties).fill(1)],
    0.01,
  );

describe('test cases', () => {
  test('a better and cheaper winner passes all test cases', () => {
    const report = reportWith({
      recommendation: 'fine-tune',
      comparison: compared(30, 0, 70),
      savingPercent: 90,
      cachedSavingPercent: 80,
    });
    expect(new Set(Object.values(outcomes(report)))).toEqual(new Set(['passed']));
  });

  test('a worse winner fails', () => {
    const report = reportWith({ comparison: compared(0, 30, 70) });
    expect(outcomes(report)['the winner is not worse than the baseline']).toBe('failure');
  });

  test('an inconclusive verdict is skipped, and says how many rows would decide it', () => {
    const comparison = { ...compared(3, 2, 20), rowsNeeded: 870 };
    const report = reportWith({ comparison, recommendation: 'inconclusive' });
    expect(outcomes(report)).toMatchObject({
      'the winner is not worse than the baseline': 'skipped',
      'fine-tuning is recommended': 'skipped',
    });
    expect(junitReport(report, LIMITS)).toContain('about 870 rows would decide it');
  });

  test('a winner that is cheaper only as long as the prefix is not cached fails', () => {
    const name = 'the winner is cheaper than the baseline, its prefix cached where it can be';
    expect(outcomes(reportWith({ savingPercent: 20, cachedSavingPercent: -10 }))[name]).toBe('failure');
    expect(outcomes(reportWith({ savingPercent: 20, cachedSavingPercent: null }))[name]).toBe('passed');
    expect(outcomes(reportWith({ savingPercent: null, cachedSavingPercent: null }))[name]).toBe('skipped');
  });

  test('without a winner the first test case fails, and the others are skipped', () => {
    const report = reportWith({
      winner: null,
      winnerModel: null,
      winnerJudged: null,
      comparison: null,
      recommendation: 'do-not-fine-tune',
    });
    const { 'a candidate passes the limits': first, 'fine-tuning is recommended': last, ...others } = outcomes(report);
    expect([first, last]).toEqual(['failure', 'failure']);
    expect(new Set(Object.values(others))).toEqual(new Set(['skipped']));
  });

  test('each limit of the pipeline is compared with the judging rows', () => {
    const { winnerJudged } = reportWith();
    if (!winnerJudged) throw new Error('a winner expected');
    const report = reportWith({ winnerJudged: { ...winnerJudged, invalid: 0.2, p95Ms: 100, costPer1kUsd: null } });
    expect(outcomes(report, { max_invalid: 0.1, max_p95_ms: 100, max_cost_per_1k_usd: 1 })).toMatchObject({
      [`on the ${report.judgedOn} rows the winner keeps selection.max_invalid`]: 'failure',
      [`on the ${report.judgedOn} rows the winner keeps selection.max_p95_ms`]: 'passed',
      [`on the ${report.judgedOn} rows the winner keeps selection.max_cost_per_1k_usd`]: 'skipped',
    });
    expect(Object.keys(outcomes(report)).filter((name) => name.includes('selection.'))).toHaveLength(1);
  });
});

withParser('a parser reads the counts, times and properties that CI servers look for', () => {
  const [suites] = parseXml([junitReport(reportWith({ recommendation: 'inconclusive' }), LIMITS)]);
  const suite = suites?.children[0];
  const cases = suite?.children.filter(({ tag }) => tag === 'testcase') ?? [];
  const count = (tag: string) => cases.filter(({ children }) => children[0]?.tag === tag).length;
  expect(suites?.tag).toBe('testsuites');
  expect(suite?.attributes).toMatchObject({
    tests: `${cases.length}`,
    failures: `${count('failure')}`,
    errors: '0',
    skipped: `${count('skipped')}`,
    time: expect.stringMatching(/^\d+\.\d{3}$/),
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
  });
  expect(suite?.children[0]?.children.map(({ attributes }) => attributes.name)).toContain('recommendation');
  for (const { attributes } of cases) expect(Object.keys(attributes).sort()).toEqual(['classname', 'name', 'time']);
});

withParser('any text is read back by a parser as it was, but for what XML cannot hold', () => {
  const texts = fc.sample(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        ']]>',
        '<!--',
        '&amp;',
        '"\'',
        '\t\r\n',
        '\u0000\u001b\u000b',
        '\ud800',
        '\udc00x',
        '\ufffe\uffff',
        '\u0085',
      ),
    ),
    { numRuns: 500, seed: 6 },
  );
  const documents = texts.map((text) => `<a b="${escapeXml(text)}">${escapeXml(text)}</a>`);
  const read = parseXml(documents);
  for (const [index, text] of texts.entries()) {
    const expected = Array.from(text, (character) => (isXml(character) ? character : '\ufffd')).join('');
    expect(read[index]).toMatchObject({ attributes: { b: expected }, text: expected });
  }
});

/** The characters of XML 1.0, section 2.2, written down a second time. */
function isXml(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return code === 9 || code === 10 || code === 13;
  return !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff;
}

withParser('names and reasons from outside add no element', () => {
  const hostile = '"/><testcase name="x"/><!-- \u0000 ]]> \ud800';
  const report = reportWith({
    reason: hostile,
    winner: hostile,
    winnerModel: hostile,
    recommendation: 'do-not-fine-tune',
  });
  const [plain, read] = parseXml([
    junitReport(reportWith({ recommendation: 'do-not-fine-tune' }), LIMITS),
    junitReport(report, LIMITS),
  ]);
  expect(read?.children[0]?.children.map(({ tag }) => tag)).toEqual(plain?.children[0]?.children.map(({ tag }) => tag));
});
