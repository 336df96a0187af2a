import { redact } from '../../src/core/text/redaction.ts';

/** A history as JSON, as `historyToJSON` writes it and the Web UI downloads it. */
export interface HistoryJson {
  events: HistoryEvent[];
}

interface HistoryEvent {
  eventId?: string;
  eventType: string;
  userMetadata?: { summary?: unknown };
  workflowExecutionStartedEventAttributes?: { workflowType?: { name?: string } };
  [attributes: string]: unknown;
}

const LARGEST_PAYLOAD = 64 * 1024;
/** Of a run, and of the job of one candidate, however long it waits. */
const MOST_EVENTS = { run: 500, job: 45 };

/** Every step that a person sees in the Web UI needs a summary. */
const NEED_A_SUMMARY = new Set([
  'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED',
  'EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED',
  'EVENT_TYPE_TIMER_STARTED',
]);

/**
 * The findings about a history, one line each: payloads over 64 KiB, steps without a summary, text that looks like a credential or holds
 * one of the given secrets, and more events than a run (500) or a job (40) may have.
 */
export function lintHistory({ events }: HistoryJson, secrets: readonly string[] = []): string[] {
  const problems: string[] = [];
  const type = events[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name ?? 'unknown workflow';
  const most = type === 'fineTuningJob' ? MOST_EVENTS.job : MOST_EVENTS.run;
  if (events.length >= most) problems.push(`${type}: ${events.length} events, and fewer than ${most} are allowed`);
  for (const event of events) {
    const where = `${type}, event ${event.eventId} (${event.eventType})`;
    if (NEED_A_SUMMARY.has(event.eventType) && !event.userMetadata?.summary) problems.push(`${where}: no summary`);
    for (const { bytes, text } of contentsOf(event)) {
      if (bytes > LARGEST_PAYLOAD) problems.push(`${where}: a payload of ${bytes} bytes`);
      if (redact(text, secrets) !== text)
        problems.push(`${where}: a credential in ${redact(text, secrets).slice(0, 200)}`);
    }
  }
  return problems;
}

/** All texts of an event, those inside payloads decoded. */
function* contentsOf(value: unknown): Iterable<{ bytes: number; text: string }> {
  if (typeof value === 'string') yield { bytes: 0, text: value };
  if (typeof value !== 'object' || value === null) return;
  if ('data' in value && typeof value.data === 'string' && 'metadata' in value) {
    const data = Buffer.from(value.data, 'base64');
    yield { bytes: data.length, text: data.toString('utf8') };
    return;
  }
  for (const part of Object.values(value)) yield* contentsOf(part);
}
