import { type CategoryColumn, categoryColumn, quarters } from './category-column.ts';
import { comparedWords } from './words.ts';

/** A part of the prompt that changes: a slot by what it holds, or the version of the prompt. */
export type PartKind = 'date' | 'id' | 'few-shots' | 'version';

const MOST_WORDS = 8;
const FEWEST_WITH_WORD = 0.1;

/** The traits of a part by which answers may differ. */
export function valueTraits(values: readonly string[], kind: PartKind): CategoryColumn[] {
  const columns = {
    version: () => [categoryColumn('the prompt', values)],
    date: () => dateTraits(values),
    id: () => idTraits(values),
    'few-shots': () => exampleTraits(values),
  }[kind]();
  return columns.filter((column) => column !== undefined);
}

const WEEKDAYS =
  /\b(?:(mon(?:day|tag)?)|(tue(?:s(?:day)?)?|dienstag)|(wed(?:nesday)?|mittwoch)|(thu(?:rs(?:day)?)?|donnerstag)|(fri(?:day)?|freitag)|(sat(?:urday)?|samstag)|(sun(?:day)?|sonntag))\b/i;

interface DateTraits {
  weekday: string;
  month: string;
  hour: string;
  time: number | null;
}

function dateTraits(values: readonly string[]): (CategoryColumn | undefined)[] {
  const dates = values.map(readDate);
  const weekend = ({ weekday }: DateTraits) => (weekday === '?' ? '?' : `${weekday === '6' || weekday === '0'}`);
  return [
    categoryColumn(
      'the day of the week',
      dates.map(({ weekday }) => weekday),
    ),
    categoryColumn('whether it is a weekend', dates.map(weekend)),
    categoryColumn(
      'the month',
      dates.map(({ month }) => month),
    ),
    categoryColumn(
      'the time of day',
      dates.map(({ hour }) => hour),
    ),
    categoryColumn('how late the date is', quarters(dates.map(({ time }) => time))),
  ];
}

/** The traits of a date that can be read without knowing the order of day and month. */
function readDate(value: string): DateTraits {
  const iso = /(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})/.exec(value);
  const words = iso ? null : Date.parse(`${value.replace(/(\d)(?:st|nd|rd|th)\b/g, '$1').replace(/\bat\b/g, '')} UTC`);
  const time = iso ? Date.UTC(Number(iso[1]), Number(iso[2]) - 1, Number(iso[3])) : words;
  const known = time !== null && !Number.isNaN(time) ? new Date(time) : undefined;
  const named = WEEKDAYS.exec(value)
    ?.slice(1)
    .findIndex((each) => each !== undefined);
  const weekday = named === undefined ? known?.getUTCDay() : (named + 1) % 7;
  return {
    weekday: `${weekday ?? '?'}`,
    month: known ? `${known.getUTCMonth()}` : '?',
    hour: hourOf(value),
    time: known ? known.getTime() : null,
  };
}

/** The quarter of the day. */
function hourOf(value: string): string {
  const [, hour = '', half] = /(\d{1,2}):\d{2}(?::\d{2})?\s*([ap]m)?/i.exec(value) ?? [];
  if (hour === '') return '?';
  const hours = (Number(hour) % (half ? 12 : 24)) + (half?.toLowerCase() === 'pm' ? 12 : 0);
  return `${Math.floor(hours / 6)}`;
}

function idTraits(values: readonly string[]): (CategoryColumn | undefined)[] {
  return [
    categoryColumn(
      'how the id begins',
      values.map((value) => /^[^\d]*/.exec(value.trim())?.[0] ?? ''),
    ),
    categoryColumn(
      'the first digit of the id',
      values.map((value) => /\d/.exec(value)?.[0] ?? ''),
    ),
    categoryColumn(
      'the last character of the id',
      values.map((value) => value.trim().slice(-1)),
    ),
    categoryColumn(
      'the length of the id',
      values.map((value) => `${value.trim().length}`),
    ),
    categoryColumn(
      'the size of the number',
      quarters(values.map((value) => (/\d/.test(value) ? Number(value.replace(/\D/g, '').slice(0, 15)) : null))),
    ),
  ];
}

function exampleTraits(values: readonly string[]): (CategoryColumn | undefined)[] {
  const words = values.map((value) => new Set(comparedWords(value)));
  const counts = new Map<string, number>();
  for (const each of words) for (const word of each) counts.set(word, (counts.get(word) ?? 0) + 1);
  const frequent = [...counts]
    .filter(([, count]) => count >= FEWEST_WITH_WORD * values.length && count < values.length)
    .sort(([a, withA], [b, withB]) => withB - withA || (a < b ? -1 : 1))
    .slice(0, MOST_WORDS);
  return [
    categoryColumn('the length of the examples', quarters(values.map(({ length }) => length))),
    ...frequent.map(([word]) =>
      categoryColumn(
        'the words of the examples',
        words.map((each) => (each.has(word) ? 'with' : 'without')),
      ),
    ),
  ];
}
