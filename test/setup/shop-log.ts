import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const WORDS = {
  refund: ['money back', 'refund please', 'return the item', 'charged twice', 'credit my card'],
  shipping: ['where is my parcel', 'late delivery', 'tracking number', 'courier never came', 'shipping address'],
  account: ['forgot my password', 'cannot log in', 'change my e-mail', 'delete my profile', 'two-factor code'],
} as const;

const OPENINGS = [
  'Hello,',
  'For the third time:',
  'Dear team,',
  'Quick question,',
  'Not happy.',
  'Hi there,',
  'Urgent!',
  '',
];
const DETAILS = [
  'since last Monday',
  'for my daughter in Leeds',
  'and nobody picks up the phone',
  'as promised on your page',
  'before we go on holiday',
  'with the blue running shoes',
  'although I paid by card',
  'like my neighbour got',
  'or I will go elsewhere',
];

/** A small log of a made-up shop: three labels that a bag of words tells apart, and inputs that do not resemble another. */
export function shopRows(count: number): object[] {
  const labels = Object.keys(WORDS) as (keyof typeof WORDS)[];
  return Array.from({ length: count }, (_, index) => {
    const label = labels[index % labels.length] ?? 'refund';
    const words = WORDS[label][Math.floor(index / labels.length) % 5];
    const turn = Math.floor(index / (5 * labels.length));
    const text = `${OPENINGS[turn % OPENINGS.length]} ${words} ${DETAILS[turn % DETAILS.length]}`.trim();
    return {
      id: `row-${index}`,
      messages: [
        {
          role: 'system',
          content: 'Name the topic of the message: refund, shipping or account. Answer with one word.',
        },
        { role: 'user', content: `Message: ${text}, order ${1000 + index}` },
      ],
      completion: label,
      ...(index % 2 === 0 ? { actual: label } : {}),
      usage: { prompt_tokens: 60, completion_tokens: 1 },
      model: 'gpt-4.1-mini',
      latency_ms: 400 + (index % 7) * 10,
    };
  });
}

const SMALL_SWEEP = {
  models: ['local-nano', 'local-mini'],
  learning_rate_multiplier: 1,
  epochs: 2,
  jobs: 100,
  early_stop: false,
};

/**
 * Writes a log and a pipeline file for it; returns the path of the pipeline file. Every combination becomes a job that
 * trains to its end, however few the rows are, unless the changes say otherwise.
 */
export function writePipeline(
  folder: string,
  rows: readonly object[] | string,
  { candidates = {}, ...changes }: Record<string, unknown> & { candidates?: object } = {},
): string {
  mkdirSync(folder, { recursive: true });
  const log = typeof rows === 'string' ? rows : rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  writeFileSync(path.join(folder, 'log.jsonl'), log);
  const file = path.join(folder, 'pipeline.json');
  const pipeline = {
    name: 'shop',
    task: 'classification',
    source: { type: 'jsonl', path: 'log.jsonl' },
    candidates: { ...SMALL_SWEEP, ...candidates },
    ...changes,
  };
  writeFileSync(file, JSON.stringify(pipeline, null, 2));
  return file;
}
