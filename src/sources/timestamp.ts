const WITHOUT_ZONE = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)$/;
const SQL_STYLE = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)([+-]\d{2})(?::?(\d{2}))?$/;

/**
 * A time as databases and exports write it (`2026-08-01 12:00:00.5`, `2026-08-01 12:00:00+00`) as ISO 8601; without a zone it is UTC. Any
 * other text stays unchanged.
 */
export function isoTimestamp(text: string): string {
  const local = WITHOUT_ZONE.exec(text);
  if (local) return `${local[1]}T${local[2]}Z`;
  const zoned = SQL_STYLE.exec(text);
  if (!zoned) return text;
  const [, date, time, hours, minutes = '00'] = zoned;
  return `${date}T${time}${hours === '+00' && minutes === '00' ? 'Z' : `${hours}:${minutes}`}`;
}

/** Milliseconds since 1970; NaN for a text that is no time. The same on every machine, whatever its time zone. */
export function parseTime(text: string): number {
  return Date.parse(isoTimestamp(text));
}

const DATE = '\\d{4}-\\d{2}-\\d{2}';
const CLOCK = '\\d{2}:\\d{2}(?::\\d{2}(?:\\.\\d{1,9})?)?';
/** Only forms whose order of day and month is certain. */
const CERTAIN: readonly RegExp[] = [
  new RegExp(`^${DATE}(?:[ T]${CLOCK}(?: ?(?:Z|UTC|GMT|[+-]\\d{2}(?::?\\d{2})?))?)?$`),
  // RFC 5322: "Mon, 30 Nov 2026 12:00:00 +0000".
  /^(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}(?::\d{2})? (?:GMT|UTC|[+-]\d{4})$/,
];
const EPOCH = /^\d{9,19}(?:\.\d+)?$/;

/**
 * A time as ISO 8601: from ISO 8601 and its relatives, or from seconds, milliseconds, microseconds or nanoseconds since 1970 as a number or a
 * text. Undefined for anything else, because a guess may swap day and month.
 */
export function readTimestamp(value: unknown): string | undefined {
  if (typeof value === 'number') return ofEpoch(value);
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (EPOCH.test(text)) return ofEpoch(Number(text));
  if (!CERTAIN.some((form) => form.test(text))) return undefined;
  const iso = isoTimestamp(text);
  if (/^\d{4}-\d{2}-\d{2}T/.test(iso) && !Number.isNaN(Date.parse(iso))) return iso;
  const time = Date.parse(
    iso.replace(/^(\d{4}-\d{2}-\d{2}) /, '$1T').replace(/ ?(?:UTC|GMT)$/, /^\d{4}-/.test(iso) ? 'Z' : ' GMT'),
  );
  if (!Number.isNaN(time)) return /^\d{4}-\d{2}-\d{2}$/.test(iso) ? iso : new Date(time).toISOString();
  return undefined;
}

/** The first of these units in which the number is a time between 1973 and 5138. */
const UNITS: readonly [number, number][] = [
  [1e11, 1000],
  [1e14, 1],
  [1e17, 1e-3],
  [1e20, 1e-6],
];
const EARLIEST_SECONDS = 1e8;

function ofEpoch(number: number): string | undefined {
  if (!(number >= EARLIEST_SECONDS)) return undefined;
  const unit = UNITS.find(([below]) => number < below);
  return unit && new Date(number * unit[1]).toISOString();
}

const FIELDS: Readonly<Record<string, { pattern: string; part: string }>> = {
  YYYY: { pattern: '(\\d{4})', part: 'year' },
  MM: { pattern: '(\\d{1,2})', part: 'month' },
  DD: { pattern: '(\\d{1,2})', part: 'day' },
  HH: { pattern: '(\\d{1,2})', part: 'hour' },
  hh: { pattern: '(\\d{1,2})', part: 'hour' },
  mm: { pattern: '(\\d{2})', part: 'minute' },
  ss: { pattern: '(\\d{2})', part: 'second' },
  SSS: { pattern: '(\\d{3})', part: 'millisecond' },
  A: { pattern: '([AaPp][Mm])', part: 'half' },
  Z: { pattern: '(Z|[+-]\\d{2}:?\\d{2})', part: 'zone' },
};
const FIELD = /YYYY|MM|DD|HH|hh|mm|ss|SSS|A|Z/g;

/** Reads times that follow a format such as `DD/MM/YYYY HH:mm`; without a zone they are UTC. */
export class TimestampFormat {
  readonly #pattern: RegExp;
  readonly #parts: string[];

  constructor(format: string) {
    const fields = format.match(FIELD) ?? [];
    const between = format.split(FIELD).map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    this.#parts = fields.map((field) => FIELDS[field]?.part ?? '');
    this.#pattern = new RegExp(
      `^${between.map((text, index) => text + (FIELDS[fields[index] ?? '']?.pattern ?? '')).join('')}$`,
    );
  }

  /** Whether a format names at least year, month and day. */
  static isWhole(format: string): boolean {
    return ['YYYY', 'MM', 'DD'].every((field) => format.includes(field));
  }

  /** The time as ISO 8601; undefined where the text does not follow the format, or names no day of the calendar. */
  read(text: string): string | undefined {
    const found = this.#pattern.exec(text.trim());
    if (!found) return undefined;
    const at = (part: string) => found[this.#parts.indexOf(part) + 1];
    const number = (part: string) => (this.#parts.includes(part) ? Number(at(part)) : 0);
    const half = this.#parts.includes('half') ? at('half')?.toLowerCase() : undefined;
    const hour = half === undefined ? number('hour') : (number('hour') % 12) + (half === 'pm' ? 12 : 0);
    const padded = (value: number, width = 2) => String(value).padStart(width, '0');
    const date = `${padded(number('year'), 4)}-${padded(number('month'))}-${padded(number('day'))}`;
    const clock = `${padded(hour)}:${padded(number('minute'))}:${padded(number('second'))}.${padded(number('millisecond'), 3)}`;
    const zone = this.#parts.includes('zone') ? at('zone')?.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2') : 'Z';
    const time = new Date(`${date}T${clock}${zone}`);
    // "31 June" would become the first of July.
    return Number.isNaN(time.getTime()) || !isCalendarDay(date) ? undefined : time.toISOString();
  }
}

function isCalendarDay(date: string): boolean {
  const time = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(date);
}
