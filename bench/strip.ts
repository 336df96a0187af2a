/**
 * How many held-out prompts give their inputs back exactly, by the kind of the prompt and by how many prompts of each
 * version were mined; beside the longest common beginning and end. Ends with 1 if a figure that is promised is missed.
 */

import { randomShares, spread } from '@tuneloop/app/internal/shared/random';
import type { Message } from '../packages/app/src/prompt/chat-message.ts';
import { type PromptTemplate, stripInstructions } from '../packages/app/src/prompt/prompt-template.ts';
import { keepWhatDecides } from '../src/data/instructions/kept-parts.ts';
import { mineTemplate } from '../src/data/instructions/template-mining.ts';
import { TuneloopError } from '../src/errors.ts';
import { DEPENDENCE_LOGS, type DependenceLog } from './dependence-forms.ts';
import { type MadePrompt, PROMPT_LOGS, type PromptForm, promptsOf } from './prompts.ts';

const ROWS = [5, 10, 20, 50, 200];
const SEEDS = [1, 2, 3, 4, 5];
const HELD_OUT = 100;
/** The share that every kind but one must reach, from this many rows on. */
const PROMISED_FROM = 20;
const NOT_PROMISED = 'few-shots per request';

/** Rows of the logs that show whether answers depend on a part; fewer rows are kept whole, because they show nothing. */
const ANSWERED_ROWS = [120, 500];
const ANSWERED_SEEDS = 4;
/** Share of the logs without a dependence in which a part may be kept. */
const MOST_NEEDLESS = 0.05;

interface Figure {
  kind: string;
  log: string;
  rows: number;
  recovered: number;
  baseline: number;
  milliseconds: number;
}

const figures = Object.entries(PROMPT_LOGS).flatMap(([kind, logs]) =>
  logs.flatMap(({ name, forms }) => ROWS.map((rows) => measure(kind, name, forms, rows))),
);
const missed = figures.filter(
  ({ kind, rows, recovered }) => kind !== NOT_PROMISED && rows >= PROMISED_FROM && recovered < 1,
);
const dependences = DEPENDENCE_LOGS.flatMap((log) => ANSWERED_ROWS.map((rows) => measureDependence(log, rows)));
const falseCuts = dependences.filter(({ depends }) => depends).reduce((sum, { wrong }) => sum + wrong, 0);
const independent = dependences.filter(({ depends }) => !depends);
const needless = independent.reduce((sum, { wrong }) => sum + wrong, 0) / (independent.length * ANSWERED_SEEDS);
const speed = measureSpeed();
print();
process.exitCode = missed.length > 0 || falseCuts > 0 || needless >= MOST_NEEDLESS ? 1 : 0;

function measure(kind: string, log: string, forms: readonly PromptForm[], rows: number): Figure {
  let [recovered, baseline, milliseconds, prompts] = [0, 0, 0, 0];
  for (const seed of SEEDS) {
    const mined = promptsOf(forms, rows, seed * 7907);
    const start = performance.now();
    const template = mineOrNone(mined);
    milliseconds += performance.now() - start;
    const common = commonEnds(mined);
    for (const prompt of promptsOf(forms, HELD_OUT, seed * 104_729 + 1)) {
      prompts += 1;
      if (isRecovered(template, prompt)) recovered += 1;
      if (isBetween(common, prompt)) baseline += 1;
    }
  }
  return {
    kind,
    log,
    rows,
    recovered: recovered / prompts,
    baseline: baseline / prompts,
    milliseconds: milliseconds / SEEDS.length,
  };
}

/** In how many of the logs a part is cut off that decides, or kept that does not. */
function measureDependence({ name, task, depends, row }: DependenceLog, rows: number) {
  let wrong = 0;
  for (let seed = 1; seed <= ANSWERED_SEEDS; seed += 1) {
    const random = randomShares(spread(seed * 6101 + rows));
    const made = Array.from({ length: rows }, (_, index) => row(random, index));
    const mined = mineTemplate(made.map(({ messages }) => messages));
    const { parts } = keepWhatDecides(mined, made, { classification: task === 'classification', change: true });
    const isKept =
      parts.length > 0 ? parts.some(({ decision }) => decision !== 'cut') : mined.versions.length === 1 && depends;
    // Where too few rows are there to decide, keeping the part is the safe side.
    const isUnknown = parts.every(({ outcome }) => outcome !== 'depends');
    if (isKept !== depends && !(isKept && isUnknown)) wrong += 1;
  }
  return { name, depends, rows, wrong };
}

/** A few prompts that share no instructions give no template: then nothing is recovered. */
function mineOrNone(prompts: readonly MadePrompt[]): PromptTemplate {
  try {
    return mineTemplate(prompts.map(({ messages }) => messages));
  } catch (error) {
    if (error instanceof TuneloopError && error.code === 'INSTRUCTIONS_NOT_FOUND') return { versions: [] };
    throw error;
  }
}

/** Every inserted value is a slot, byte for byte, and the only other slots are examples. */
function isRecovered(template: PromptTemplate, { messages, values }: MadePrompt): boolean {
  const stripped = stripInstructions(template, messages);
  if ('mismatch' in stripped) return false;
  const kinds = template.versions[stripped.version]?.slots ?? [];
  const found = stripped.slots.filter((_, slot) => kinds[slot]?.kind !== 'few-shots');
  return found.length === values.length && found.every((value, index) => value === values[index]);
}

/** The longest beginning and end that all prompts have, as texts. */
function commonEnds(prompts: readonly MadePrompt[]): { start: string; end: string } {
  const texts = prompts.map(({ messages }) => textOf(messages));
  const [first = ''] = texts;
  let [start, end] = [0, 0];
  while (start < first.length && texts.every((text) => text[start] === first[start])) start += 1;
  while (end < first.length - start && texts.every((text) => text.at(-1 - end) === first.at(-1 - end))) end += 1;
  return { start: first.slice(0, start), end: first.slice(first.length - end) };
}

function isBetween({ start, end }: { start: string; end: string }, { messages, values }: MadePrompt): boolean {
  const text = textOf(messages);
  return values.length === 1 && text === start + values[0] + end;
}

function textOf(messages: readonly Message[]): string {
  return messages.map(({ role, content }) => `${role}: ${content}`).join('\n');
}

/** Prompts of about 1 kB each. */
function measureSpeed() {
  const prompts = [...(PROMPT_LOGS['three slots'] ?? []), ...(PROMPT_LOGS['single slot'] ?? [])].flatMap(
    ({ name, forms }) => {
      const made = promptsOf(forms, 2000, 11).map(({ messages }) => padded(messages));
      const start = performance.now();
      const template = mineTemplate(made);
      const mining = performance.now() - start;
      const rounds = Array.from({ length: 10 }, () => {
        const again = performance.now();
        for (const messages of made) stripInstructions(template, messages);
        return ((performance.now() - again) * 1000) / made.length;
      });
      // The fastest round, because others had to wait for other work of the machine.
      const microseconds = Math.min(...rounds);
      return [{ log: name, slots: template.versions[0]?.slots.length ?? 0, mining, microseconds }];
    },
  );
  return {
    miningMilliseconds: Math.max(...prompts.map(({ mining }) => mining)),
    stripMicroseconds: Math.max(...prompts.map(({ microseconds }) => microseconds)),
    prompts,
  };
}

/** With rules before the first message that make it about 1 kB. */
function padded(messages: readonly Message[]): Message[] {
  const rules = Array.from(
    { length: 12 },
    (_, index) => `Rule ${index + 1}: keep to what the guest has written.\n`,
  ).join('');
  return messages.map((message, index) => (index === 0 ? { ...message, content: rules + message.content } : message));
}

function print(): void {
  const percent = (share: number) => `${(share * 100).toFixed(share === 1 || share === 0 ? 0 : 1)} %`.padStart(8);
  console.log(`Exact recovery of all inputs on ${HELD_OUT} held-out prompts of each version, ${SEEDS.length} seeds.`);
  console.log(
    '"common": longest common beginning and end instead, from 200 prompts. ms: to mine 200 prompts of each version.\n',
  );
  for (const [kind, logs] of Object.entries(PROMPT_LOGS)) {
    console.log(
      `${kind.padEnd(38)}${ROWS.map((rows) => `${rows}`.padStart(8)).join('')}${'common'.padStart(10)}${'ms'.padStart(8)}`,
    );
    for (const { name } of logs) {
      const own = figures.filter((figure) => figure.kind === kind && figure.log === name);
      const last = own.at(-1);
      console.log(
        `  ${name.padEnd(36)}${own.map(({ recovered }) => percent(recovered)).join('')}` +
          `${percent(last?.baseline ?? 0).padStart(10)}${(last?.milliseconds ?? 0).toFixed(1).padStart(8)}`,
      );
    }
    const mean = ROWS.map((rows) => {
      const same = figures.filter((figure) => figure.kind === kind && figure.rows === rows);
      return percent(same.reduce((sum, { recovered }) => sum + recovered, 0) / same.length);
    });
    console.log(`  ${'all'.padEnd(36)}${mean.join('')}\n`);
  }
  console.log(
    `2,000 prompts of 1 kB: mined in ${speed.miningMilliseconds.toFixed(0)} ms at most, stripped in ${speed.stripMicroseconds.toFixed(2)} microseconds each at most`,
  );
  console.log(
    `\nParts that change: wrongly cut, or needlessly kept, in ${ANSWERED_SEEDS} logs of ${ANSWERED_ROWS.join(', ')} rows`,
  );
  for (const { name, depends } of DEPENDENCE_LOGS) {
    const own = dependences.filter((each) => each.name === name);
    const wrong = own.map((each) => `${each.wrong}`.padStart(6)).join('');
    console.log(`  ${(depends ? 'decides' : 'decides nothing').padEnd(17)}${name.padEnd(42)}${wrong}`);
  }
  console.log(`False cuts: ${falseCuts}. Kept needlessly: ${percent(needless).trim()} of the logs`);
  if (missed.length > 0) {
    console.log(`Missed: ${missed.map(({ kind, log, rows }) => `${kind}, ${log}, ${rows} rows`).join('; ')}`);
  }
  console.log(JSON.stringify({ figures, dependences, falseCuts, needless, speed, missed }));
}
