import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { randomBits, shuffle, spread } from '../packages/app/src/shared/random.ts';

/** A question with its expected answers; the first one is learned. */
export interface Row {
  readonly input: string;
  readonly expected: readonly string[];
}

/** Rows to learn from, to choose by, and to judge by. */
export interface LlmSet {
  readonly kind: 'label' | 'json' | 'text';
  readonly training: readonly Row[];
  readonly validation: readonly Row[];
  readonly test: readonly Row[];
  /** The original prompt for an input. */
  prompt(input: string): ChatCompletionMessageParam[];
  /** What an answer of the untuned model is held to in the second measurement; undefined where nothing fits. */
  readonly constraint: object | undefined;
}

const ROOT = path.join(import.meta.dirname, '..');
const DATA = path.join(ROOT, '..', 'shared', 'data');

export const SET_NAMES = ['triage', 'banking77', 'e2e', 'json'] as const;
export type SetName = (typeof SET_NAMES)[number];

/** @throws Error where the data of a set is not on this machine */
export function readSet(name: SetName): LlmSet {
  switch (name) {
    case 'triage':
      return triage();
    case 'banking77':
      return publicSet('banking77', 'label', 1_000, 200);
    case 'e2e':
      return publicSet('e2e_nlg', 'text', 300, 60);
    case 'json':
      return bookings();
  }
}

interface LogRow {
  readonly messages: { role: 'system' | 'user' | 'assistant'; content: string }[];
  readonly completion: string;
  readonly actual?: string | null;
}

/** The log of examples/support-triage: 230 rows to learn from, 76 to choose by, 81 to judge by. */
function triage(): LlmSet {
  const log = readLog(path.join(ROOT, 'examples', 'support-triage', 'log.jsonl'));
  const rows = shuffled(
    log.map(({ messages, completion, actual }) => {
      const question = messages.at(-1)?.content ?? '';
      return { input: /"""\n([\s\S]*)\n"""/.exec(question)?.[1] ?? question, expected: [actual ?? completion] };
    }),
    1,
  );
  const first = log[0] as LogRow;
  return {
    kind: 'label',
    training: rows.slice(0, 230),
    validation: rows.slice(230, 306),
    test: rows.slice(306),
    prompt: (input) => [
      ...first.messages.slice(0, -1),
      { role: 'user', content: `Customer message:\n"""\n${input}\n"""` },
    ],
    constraint: { structured_outputs: { choice: labelsOf(rows) } },
  };
}

/** A public set with its official test rows. The last message of its log is the input. */
function publicSet(folder: string, kind: 'label' | 'text', most: number, validation: number): LlmSet {
  const file = path.join(DATA, folder, 'log.jsonl');
  if (!existsSync(file)) throw new Error(`${file} is missing: this set is not part of the repository`);
  const log = readLog(file);
  const all = shuffled(
    log.map(({ messages, completion, actual }) => ({
      input: messages.at(-1)?.content ?? '',
      expected: [actual ?? completion],
    })),
    1,
  );
  const test = readFileSync(path.join(DATA, folder, 'test.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const row = JSON.parse(line) as { input: string; label: string; references?: string[] };
      return { input: row.input, expected: row.references ?? [row.label] };
    });
  const first = log[0] as LogRow;
  return {
    kind,
    training: all.slice(0, most),
    validation: all.slice(most, most + validation),
    test: shuffled(test, 2),
    prompt: (input) => [...first.messages.slice(0, -1), { role: 'user', content: input }],
    constraint: kind === 'label' ? { structured_outputs: { choice: labelsOf(all) } } : undefined,
  };
}

const PEOPLE = ['Ana', 'Ben', 'Chloe', 'Deniz', 'Emil', 'Farah', 'Goran', 'Hana', 'Ivo', 'Jana', 'Kofi', 'Lena'];
const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const PLACES = ['by the window', 'on the terrace', 'in the garden', 'at the bar'];
const FORMS = [
  (b: Booking) => `Hi, it's ${b.name}. A table for ${b.guests} on ${b.day} at ${b.time}, ${b.place} if possible.`,
  (b: Booking) => `Could you keep ${b.guests} seats ${b.place} for ${b.day}, ${b.time}? The name is ${b.name}.`,
  (b: Booking) =>
    `${b.name} here - we come on ${b.day} around ${b.time}, ${b.guests} people, and would love to sit ${b.place}.`,
  (b: Booking) => `Please book ${b.day} ${b.time} for ${b.name}. There will be ${b.guests} of us, ${b.place}.`,
  (b: Booking) => `On ${b.day} we are ${b.guests}. Is ${b.time} free ${b.place}? Regards, ${b.name}`,
];

interface Booking {
  readonly name: string;
  readonly guests: number;
  readonly day: string;
  readonly time: string;
  readonly place: string;
}

/** Bookings of a restaurant as JSON, made up here: 300 rows to learn from, 60 to choose by, 150 to judge by. */
function bookings(): LlmSet {
  const random = randomBits(spread(3));
  const pick = <T>(list: readonly T[]): T => list[(random() >>> 0) % list.length] as T;
  const rows = Array.from({ length: 510 }, () => {
    const time = `${String(17 + ((random() >>> 0) % 5)).padStart(2, '0')}:${pick(['00', '15', '30', '45'])}`;
    const booking = {
      name: pick(PEOPLE),
      guests: 1 + ((random() >>> 0) % 9),
      day: pick(DAYS),
      time,
      place: pick(PLACES),
    };
    return { input: pick(FORMS)(booking), expected: [JSON.stringify(booking)] };
  });
  const text = { type: 'string' };
  const schema = {
    type: 'object',
    properties: { name: text, guests: { type: 'integer' }, day: text, time: text, place: text },
    required: ['name', 'guests', 'day', 'time', 'place'],
    additionalProperties: false,
  };
  const instructions =
    'Read the booking request of a guest and answer with one JSON object and nothing else: name, guests (a number), day (the English ' +
    `weekday), time (24 hours, HH:MM) and place (one of: ${PLACES.join(', ')}).`;
  return {
    kind: 'json',
    training: rows.slice(0, 300),
    validation: rows.slice(300, 360),
    test: rows.slice(360),
    prompt: (input) => [
      { role: 'system', content: instructions },
      { role: 'user', content: input },
    ],
    constraint: { response_format: { type: 'json_schema', json_schema: { name: 'booking', strict: true, schema } } },
  };
}

function readLog(file: string): LogRow[] {
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LogRow);
}

function labelsOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap(({ expected }) => expected))].toSorted();
}

function shuffled<T>(rows: readonly T[], seed: number): T[] {
  const order = Uint32Array.from(rows, (_, at) => at);
  shuffle(order, randomBits(spread(seed)));
  return Array.from(order, (at) => rows[at] as T);
}
