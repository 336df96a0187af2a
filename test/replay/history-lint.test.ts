import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type HistoryJson, lintHistory } from '../setup/history-lint.ts';

const folder = path.join(import.meta.dirname, 'histories');
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
const read = (file: string): HistoryJson => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as HistoryJson;

test.each(files)('%s follows the rules for histories', (file) => {
  expect(lintHistory(read(file))).toEqual([]);
});

describe('a history is found wanting', () => {
  const run = () => read('completed-run.json');
  const encoded = (text: string) => ({
    metadata: { encoding: 'anNvbi9wbGFpbg==' },
    data: Buffer.from(JSON.stringify(text)).toString('base64'),
  });
  const withInput = (text: string): HistoryJson => {
    const history = run();
    history.events.push({
      eventId: '999',
      eventType: 'EVENT_TYPE_ACTIVITY_TASK_COMPLETED',
      activityTaskCompletedEventAttributes: { result: { payloads: [encoded(text)] } },
    });
    return history;
  };

  test('a history with a payload over 64 KiB is refused', () => {
    expect(lintHistory(withInput('x'.repeat(64 * 1024 - 2)))).toEqual([]);
    expect(lintHistory(withInput('x'.repeat(64 * 1024)))).toEqual([expect.stringMatching(/event 999 .*65538 bytes/)]);
  });

  test.each([
    'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED',
    'EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED',
    'EVENT_TYPE_TIMER_STARTED',
  ])('a history with %s that has no summary is refused', (eventType) => {
    const history = run();
    history.events.push({ eventId: '998', eventType, userMetadata: { summary: encoded('wait') } });
    expect(lintHistory(history)).toEqual([]);
    history.events.push({ eventId: '999', eventType, userMetadata: {} });
    expect(lintHistory(history)).toEqual([expect.stringMatching(/event 999 .*no summary/)]);
  });

  test('a history with a credential in a payload, or in the message of a failure, is refused', () => {
    expect(lintHistory(withInput('Authorization: Bearer abcdef0123456789'))).toEqual([
      expect.stringMatching(/event 999 .*a credential in "Authorization: \*\*\*/),
    ]);
    const history = run();
    const failure = { message: 'outer', cause: { message: 'Incorrect API key provided: sk-abcdef0123456789' } };
    history.events.push({ eventId: '999', eventType: 'EVENT_TYPE_ACTIVITY_TASK_FAILED', attributes: { failure } });
    expect(lintHistory(history)).toEqual([expect.stringMatching(/a credential in Incorrect API key provided: \*\*\*/)]);
  });

  test('a history with a secret that only its owner knows is refused', () => {
    const history = withInput('nothing in particular: plumtree');
    expect(lintHistory(history)).toEqual([]);
    expect(lintHistory(history, ['plumtree'])).toHaveLength(1);
  });

  test('a history with too many events is refused, and a job may have fewer than a run', () => {
    const many = (history: HistoryJson, count: number): HistoryJson => ({
      events: Array.from(
        { length: count },
        (_, index) => history.events[index] ?? { eventId: `${index}`, eventType: 'EVENT_TYPE_WORKFLOW_TASK_SCHEDULED' },
      ),
    });
    expect(lintHistory(many(run(), 499))).toEqual([]);
    expect(lintHistory(many(run(), 500))).toEqual([expect.stringMatching(/fineTuningPipeline: 500 events/)]);
    const job = read('completed-local-base-lr2-e4.json');
    expect(lintHistory(many(job, 44))).toEqual([]);
    expect(lintHistory(many(job, 45))).toEqual([expect.stringMatching(/fineTuningJob: 45 events/)]);
  });
});
