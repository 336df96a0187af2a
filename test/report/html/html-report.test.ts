import fc from 'fast-check';
import { htmlReport } from '../../../src/report/html/html-report.ts';
import { STYLE_HASH } from '../../../src/report/html/style.ts';
import type { Report } from '../../../src/report/report.ts';
import { sampleReport } from '../sample-report.ts';
import { misnested, readPage, tagForms, unescaped } from './page-text.ts';
import { HOSTILE, STATES } from './report-states.ts';

const withoutStyle = (page: string) => page.replace(/<style>[\s\S]*?<\/style>/, '');
const read = (report: Report) => readPage(withoutStyle(htmlReport(report)));
const textOf = (report: Report) => unescaped(read(report).texts.join(' ')).replace(/\s+/g, ' ');
const ours = new Set(
  Object.entries(STATES)
    .filter(([name]) => name !== 'hostile rows')
    .flatMap(([, state]) => [...tagForms(read(state()).tags)]),
);

describe.each(Object.entries(STATES))('%s', (name, state) => {
  const page = htmlReport(state());
  const { tags, texts } = readPage(withoutStyle(page));

  test('the page is well-formed, with our tags only', () => {
    expect(misnested(tags)).toEqual([]);
    expect([...tagForms(tags)].filter((form) => !ours.has(form))).toEqual([]);
  });

  test('the page has no figure that is NaN or undefined', () => {
    const values = tags.flatMap(({ attributes }) => attributes.map(([, value]) => value));
    expect(values.filter((value) => /NaN|Infinity|undefined/.test(value))).toEqual([]);
    expect(texts.join(' ')).not.toMatch(/NaN|Infinity|undefined|\[object/);
  });

  test('the page has one main heading and no level left out', () => {
    const levels = tags.flatMap(({ name: tag, closes }) => (/^h\d$/.test(tag) && !closes ? [Number(tag[1])] : []));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    expect(levels.every((level, index) => level <= (levels[index - 1] ?? 0) + 1)).toBe(true);
  });

  test('the page names every image, table and column', () => {
    const ids = tags.flatMap(({ attributes }) => attributes.flatMap(([key, value]) => (key === 'id' ? [value] : [])));
    expect(new Set(ids).size).toBe(ids.length);
    const named = tags.flatMap(({ attributes }) =>
      attributes.flatMap(([key, value]) => (key === 'aria-labelledby' ? value.split(' ') : [])),
    );
    expect(named.filter((id) => !ids.includes(id))).toEqual([]);
    const unnamed = tags.filter(({ name: tag, closes, attributes }) => {
      const has = (...names: string[]) => attributes.some(([key]) => names.includes(key));
      return !closes && ((tag === 'svg' && !has('aria-labelledby', 'aria-hidden')) || (tag === 'th' && !has('scope')));
    });
    expect(unnamed).toEqual([]);
  });

  test('the page needs no script and nothing from elsewhere', () => {
    const forbidden = ['script', 'link', 'img', 'iframe', 'object', 'embed', 'form', 'base', 'style'];
    const found = tags.filter(
      ({ name: tag, attributes }) =>
        forbidden.includes(tag) ||
        attributes.some(([key, value]) => /^on|^style$|^src/.test(key) || (key === 'href' && !/^#[\w-]+$/.test(value))),
    );
    expect(found).toEqual([]);
    expect(page.length).toBeLessThan(name === 'hostile rows' ? 400_000 : 300_000);
  });
});

test('the page allows its one style and nothing else', () => {
  expect(htmlReport(sampleReport())).toContain(
    `content="default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'"`,
  );
});

test('any text in any place adds no tag', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...HOSTILE.slice(0, -1)));
  const sample = sampleReport();
  fc.assert(
    fc.property(fc.infiniteStream(text), (stream) => {
      const report = rewritten(sample, () => stream.next().value);
      const { tags } = read(report);
      expect(misnested(tags)).toEqual([]);
      expect([...tagForms(tags)].filter((form) => !ours.has(form))).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

/** Keys whose texts are not from outside but have a meaning of their own. */
const WORDS = new Set(['task', 'recommendation', 'kind', 'judgedOn', 'verdict', 'test', 'status', 'by', 'treatment']);

/** A report with every text from outside replaced, and every key of a record. */
function rewritten(report: Report, text: () => string): Report {
  const { data, classification, ...rest } = report;
  const again = (key: string, value: unknown) => (typeof value === 'string' && !WORDS.has(key) ? text() : value);
  const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value), again);
  return {
    ...copy(rest),
    classification: copy(classification),
    data: {
      ...copy(data),
      labels: { [text()]: { train: 1, validation: 2, test: 3 } },
      redactions: { [text()]: 4 },
    },
  };
}

test('hostile texts are readable as text', () => {
  const { texts } = read(sampleReport({ notes: [...HOSTILE.slice(0, 6)] }));
  expect(texts.map(unescaped)).toEqual(expect.arrayContaining(HOSTILE.slice(0, 6)));
});

describe('says', () => {
  test('the page begins with the recommendation, its reason and the three figures', () => {
    const text = textOf(sampleReport());
    const places = [
      'Fine-tune',
      'The winner is better',
      '+4.8',
      '> 99.9 %',
      'Latency, p95',
      'USD per 1,000 requests, log scale',
    ];
    const found = places.map((each) => text.indexOf(each, text.indexOf('Skip to the report')));
    expect(found.every((place) => place > 0)).toBe(true);
    expect(found).toEqual([...found].sort((a, b) => a - b));
  });

  test('the page marks figures of the local trainer, wherever they stand, and no others', () => {
    const marks = (report: Report) => textOf(report).match(/local trainer, not an LLM/g)?.length ?? 0;
    const without = (localTrainer: boolean) => marks(sampleReport({ localTrainer, notes: [] }));
    expect(without(true)).toBe(8);
    expect(without(false)).toBe(0);
  });

  test('the page says how many rows would decide an inconclusive verdict', () => {
    const { comparison } = sampleReport();
    if (!comparison) throw new Error('a comparison expected');
    const told = textOf(sampleReport({ comparison: { ...comparison, verdict: 'inconclusive', rowsNeeded: 4321 } }));
    expect(told).toContain('about 4321 rows would decide it');
  });

  test('the page says how many labels the matrix leaves out', () => {
    expect(textOf(STATES['77 labels']?.() ?? sampleReport())).toContain(
      '20 most confused labels of 77 are shown. 57 are left out',
    );
    expect(textOf(sampleReport())).not.toContain('most confused');
  });

  test('the page says why rows were left out', () => {
    expect(textOf(sampleReport())).toContain('refusal 23 left out the model refused to answer');
  });

  test('the page gives validation score, test score, and the optimism of the choice', () => {
    expect(textOf(sampleReport())).toContain(
      'Validation score of the winner: 94.6 %, test score: 93.4 %, -1.2 points. The best of several looks better on the rows that chose it than it is, here probably by +0.8 points.',
    );
  });
});

test('for a winner that is served by the hour the page says what its cost per call leaves out, and no number of requests that pays', () => {
  const hourlyCost = 'The winner is served by a leased machine for $8.00 an hour.';
  const text = textOf({ ...sampleReport(), breakEvenRequests: null, breakEvenCachedRequests: null, hourlyCost });
  expect(text).toContain(hourlyCost);
  expect(text).not.toContain('the run is paid for');
});
