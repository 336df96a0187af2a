import type { MetricPoint } from '../../../core/run/training-metrics.ts';

/** The figures of one line; `data` is where older files keep them. */
interface Line {
  step: number;
  epoch: number | null;
  trainLoss: number | null;
  evalLoss: number | null;
}

/**
 * The points of a file of metrics, oldest first: JSON lines such as `{"step": 1, "train/loss": 1.38}`, in which training and evaluation may
 * have lines of their own. Lines that are no JSON are left out: the file is read while it is written.
 *
 * Every evaluation is on the whole evaluation file. It counts as the end of an epoch, the last one where lines name the same epoch, and
 * there are no more of them than epochs.
 *
 * @param epochs of the job
 */
export function metricPoints(text: string, epochs: number): MetricPoint[] {
  const lines = text.split('\n').flatMap((line) => readLine(line) ?? []);
  const ends = endsOf(lines, epochs);
  const points = new Map<number, MetricPoint>();
  for (const line of lines) {
    const before = points.get(line.step);
    const isEnd = ends.has(line);
    points.set(line.step, {
      step: line.step,
      totalSteps: null,
      trainLoss: line.trainLoss ?? before?.trainLoss ?? null,
      validLoss: line.evalLoss ?? before?.validLoss ?? null,
      fullValidLoss: isEnd ? line.evalLoss : (before?.fullValidLoss ?? null),
      fullValidAccuracy: null,
    });
  }
  return [...points.values()].toSorted((a, b) => a.step - b.step);
}

function endsOf(lines: readonly Line[], epochs: number): ReadonlySet<Line> {
  const ends = new Map<string, Line>();
  for (const line of lines) {
    if (line.evalLoss === null) continue;
    ends.set(line.epoch === null ? `step ${line.step}` : `epoch ${line.epoch}`, line);
  }
  return new Set([...ends.values()].slice(0, epochs));
}

function readLine(text: string): Line | undefined {
  const line = recordIn(text);
  const data = typeof line?.data === 'object' && line.data !== null ? { ...line, ...line.data } : line;
  const step = numberOf(data?.step ?? data?.['train/step']);
  if (!data || step === null) return undefined;
  return {
    step,
    epoch: numberOf(data['eval/epoch'] ?? data['train/epoch'] ?? data.epoch),
    trainLoss: numberOf(data['train/loss']),
    evalLoss: numberOf(data['eval/loss'] ?? data.eval_loss),
  };
}

function recordIn(text: string): Partial<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** 64-bit numbers are strings. */
function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}
