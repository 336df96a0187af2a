import type { Pipeline } from '../core/run/pipeline.ts';
import type { Judged } from '../core/run/run-result.ts';
import { millisecondsText, percentText, savingText, usdText } from '../core/text/format.ts';
import { comparisonText, rowsNeededText, verdictText } from './markdown-report.ts';
import type { Report } from './report.ts';

/** The demands of a pipeline on a winner. */
export type Limits = Pick<Pipeline['selection'], 'max_invalid' | 'max_cost_per_1k_usd' | 'max_p95_ms'>;

interface TestCase {
  name: string;
  outcome: Outcome;
  /** Of its training, where there is any. */
  seconds?: number;
}

type Outcome = { state: 'passed' } | { state: 'failed' | 'skipped'; why: string };

const PASSED: Outcome = { state: 'passed' };
const failed = (why: string): Outcome => ({ state: 'failed', why });
const skipped = (why: string): Outcome => ({ state: 'skipped', why });

/**
 * A run as JUnit XML (the form that Jenkins, GitLab and GitHub's actions read): one suite, a test case for each demand on its winner. A
 * case without a result is skipped, and passes in most of them. Times are those of training.
 *
 * @param limits hold on the judging rows too.
 */
export function junitReport(report: Report, limits: Limits): string {
  const cases = testCases(report, limits);
  const tests = {
    tests: cases.length,
    failures: cases.filter(({ outcome }) => outcome.state === 'failed').length,
    errors: 0,
    skipped: cases.filter(({ outcome }) => outcome.state === 'skipped').length,
    time: timeText(cases.reduce((sum, { seconds = 0 }) => sum + seconds, 0)),
  };
  const name = `tuneloop.${report.pipeline}`;
  const { skipped: _, ...ofAll } = tests;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: 'tuneloop', ...ofAll })}>`,
    `  <testsuite${attributes({ name, timestamp: report.createdAt.slice(0, 19), ...tests })}>`,
    '    <properties>',
    ...Object.entries(propertiesOf(report)).map(
      ([key, value]) => `      <property${attributes({ name: key, value })}/>`,
    ),
    '    </properties>',
    ...cases.map((each) => testCaseElement(name, each)),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function testCases(report: Report, limits: Limits): TestCase[] {
  const { winner, winnerJudged, judgedOn, candidates } = report;
  const seconds = candidates.reduce((sum, { trainingSeconds }) => sum + (trainingSeconds ?? 0), 0);
  const ofWinner = (outcome: () => Outcome) => (winner === null ? skipped('there is no winner') : outcome());
  const limited = (key: keyof Limits, figure: (judged: Judged) => number | null, text: (value: number) => string) => {
    const limit = limits[key];
    if (limit === undefined) return [];
    const name = `on the ${judgedOn} rows the winner keeps selection.${key}`;
    return [{ name, outcome: ofWinner(() => limitOutcome(winnerJudged && figure(winnerJudged), limit, text)) }];
  };
  return [
    {
      name: 'a candidate passes the limits',
      outcome: winner === null ? failed(verdictText(report)) : PASSED,
      seconds,
    },
    { name: 'the winner is not worse than the baseline', outcome: ofWinner(() => qualityOutcome(report)) },
    {
      name: 'the winner is cheaper than the baseline, its prefix cached where it can be',
      outcome: ofWinner(() => costOutcome(report)),
    },
    ...limited('max_invalid', ({ invalid }) => invalid, percentText),
    ...limited('max_cost_per_1k_usd', ({ costPer1kUsd }) => costPer1kUsd, usdText),
    ...limited('max_p95_ms', ({ p95Ms }) => p95Ms, millisecondsText),
    { name: 'fine-tuning is recommended', outcome: recommendationOutcome(report) },
  ];
}

function qualityOutcome({ comparison }: Report): Outcome {
  if (!comparison) return skipped('the quality of winner and baseline cannot be compared');
  if (comparison.verdict === 'worse') return failed(comparisonText(comparison));
  return comparison.verdict === 'inconclusive' ? skipped(comparisonText(comparison)) : PASSED;
}

function costOutcome({ savingPercent, cachedSavingPercent }: Report): Outcome {
  const saving = cachedSavingPercent ?? savingPercent;
  if (saving === null) return skipped('costs cannot be compared');
  return saving > 0 ? PASSED : failed(`it is ${savingText(saving)}`);
}

function limitOutcome(value: number | null, limit: number, text: (value: number) => string): Outcome {
  if (value === null) return skipped('it is not known');
  return value <= limit ? PASSED : failed(`${text(value)}, and the limit is ${text(limit)}`);
}

function recommendationOutcome(report: Report): Outcome {
  if (report.recommendation === 'fine-tune') return PASSED;
  if (report.recommendation === 'do-not-fine-tune') return failed(verdictText(report));
  const { comparison } = report;
  const needed = comparison?.verdict === 'inconclusive' ? `; ${rowsNeededText(comparison.rowsNeeded)}` : '';
  return skipped(`${verdictText(report)}${needed}`);
}

function propertiesOf(report: Report): Record<string, string> {
  return {
    run: report.runId,
    recommendation: report.recommendation,
    winner: report.winner ?? '',
    model: report.winnerModel ?? '',
    metric: report.metric,
    dataset: report.dataset.version,
    'judged on': report.judgedOn,
    'spent USD': `${report.spent.usd}`,
    'local trainer, not an LLM': `${report.localTrainer}`,
    report: report.reportPath,
  };
}

function testCaseElement(classname: string, { name, outcome, seconds = 0 }: TestCase): string {
  const head = `    <testcase${attributes({ classname, name, time: timeText(seconds) })}`;
  switch (outcome.state) {
    case 'passed':
      return `${head}/>`;
    case 'failed':
      return `${head}><failure${attributes({ message: outcome.why, type: 'verdict' })}>${escapeXml(outcome.why)}</failure></testcase>`;
    case 'skipped':
      return `${head}><skipped${attributes({ message: outcome.why })}/></testcase>`;
  }
}

const timeText = (seconds: number) => seconds.toFixed(3);

function attributes(values: Record<string, string | number>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('');
}

const ENTITIES: Partial<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // Parsers turn these into spaces in an attribute, and a carriage return into a line feed everywhere.
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/**
 * Text for an element or an attribute in double quotes. Characters that XML 1.0 cannot hold (section 2.2: control characters, halves of
 * surrogate pairs, U+FFFE and U+FFFF) become the replacement character.
 */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"\t\n\r]/g, (character) => ENTITIES[character] ?? character);
}
