import pMap from 'p-map';
import { z } from 'zod';
import { TuneloopError } from '../../errors.ts';
import type { ForeignSpan } from '../redaction/redactor.ts';

/** Finds personal data that patterns cannot find, such as names of people; the redactor combines these finds with its own. */
export interface PiiAnalyzer {
  /**
   * The finds in each text, in UTF-16 code units. The texts leave this process.
   *
   * @throws TuneloopError ANALYZER_UNREACHABLE if trying again may help, ANALYZER_REFUSED if not; neither holds texts.
   */
  analyze(texts: readonly string[], signal: AbortSignal): Promise<ForeignSpan[][]>;
}

export interface PresidioOptions {
  /** Where the analyzer listens, without `/analyze`. */
  url: string;
  /** Two letters. The analyzer must have been started with a model of this language. */
  language?: string;
  /** The types to look for, by Presidio's names, such as `PERSON`; all types that it knows if absent. */
  entities?: readonly string[];
  /** 0 to 1: finds with a lower score are ignored. */
  minScore?: number;
  /** Requests at a time. */
  concurrency?: number;
  /** For one text, in milliseconds. */
  timeoutMs?: number;
}

/** The redactor's names for types that both can find, so that a value has one placeholder whichever of them found it. */
const TYPES = new Map([
  ['EMAIL_ADDRESS', 'email'],
  ['PHONE_NUMBER', 'phone'],
  ['CREDIT_CARD', 'card'],
  ['IBAN_CODE', 'iban'],
  ['IP_ADDRESS', 'ip'],
]);

const findsSchema = z.array(
  z.object({
    entity_type: z.string().min(1),
    // Python counts code points.
    start: z.int().gte(0),
    end: z.int().gte(0),
    score: z.number(),
  }),
);

/**
 * Microsoft Presidio's analyzer over HTTP: `POST /analyze` with one text a request, as documented at
 * https://microsoft.github.io/presidio/api-docs/api-docs.html
 */
export class PresidioAnalyzer implements PiiAnalyzer {
  readonly #endpoint: URL;
  readonly #request: { language: string; score_threshold: number; entities?: readonly string[] };
  readonly #minScore: number;
  readonly #concurrency: number;
  readonly #timeoutMs: number;

  constructor(options: PresidioOptions) {
    const { url, language = 'en', entities, minScore = 0.5, concurrency = 8, timeoutMs = 30_000 } = options;
    this.#endpoint = new URL('analyze', url.endsWith('/') ? url : `${url}/`);
    this.#request = { language, score_threshold: minScore, ...(entities ? { entities } : {}) };
    this.#minScore = minScore;
    this.#concurrency = concurrency;
    this.#timeoutMs = timeoutMs;
  }

  analyze(texts: readonly string[], signal: AbortSignal): Promise<ForeignSpan[][]> {
    return pMap(texts, (text) => this.#analyzeOne(text, signal), { concurrency: this.#concurrency, signal });
  }

  async #analyzeOne(text: string, signal: AbortSignal): Promise<ForeignSpan[]> {
    // Presidio refuses a request without a text.
    if (text.trim() === '') return [];
    const finds = findsSchema.safeParse(await this.#post({ ...this.#request, text }, signal));
    if (!finds.success) {
      throw new TuneloopError(
        'ANALYZER_REFUSED',
        `${this.#name} does not answer as Presidio does: check clean.presidio`,
      );
    }
    const unitOf = unitsByCodePoint(text);
    return finds.data
      .filter(({ score }) => score >= this.#minScore)
      .map(({ entity_type: type, start, end }) => {
        const from = unitOf(start);
        const to = unitOf(end);
        if (from === undefined || to === undefined || from >= to) {
          throw new TuneloopError(
            'ANALYZER_REFUSED',
            `${this.#name} found something at a place that its text does not have`,
          );
        }
        return { type: TYPES.get(type) ?? type, start: from, end: to };
      });
  }

  async #post(body: unknown, signal: AbortSignal): Promise<unknown> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    try {
      const response = await fetch(this.#endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.any([signal, timeout]),
      });
      if (!response.ok) {
        await response.body?.cancel();
        throw this.#refusal(response.status);
      }
      return parsed(await response.text());
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof TuneloopError) throw error;
      const why = timeout.aborted ? `did not answer within ${this.#timeoutMs} ms` : 'cannot be reached';
      throw new TuneloopError('ANALYZER_UNREACHABLE', `${this.#name} ${why}: is it running there?`);
    }
  }

  /** The server's text is left out, because it may quote the input. */
  #refusal(status: number): TuneloopError {
    const { language } = this.#request;
    if (status === 429 || status === 502 || status === 503 || status === 504) {
      return new TuneloopError('ANALYZER_UNREACHABLE', `${this.#name} answered ${status}: it is busy or starting`);
    }
    return new TuneloopError(
      'ANALYZER_REFUSED',
      `${this.#name} answered ${status}: its log says why; a common reason is that it has no model for language "${language}"`,
    );
  }

  /** Without credentials. */
  get #name(): string {
    return `Presidio at ${this.#endpoint.origin}${this.#endpoint.pathname}`;
  }
}

/** Undefined if it is no JSON, because another service listens there. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Where the code point of a number starts, in UTF-16 code units; undefined behind the end of the text. */
function unitsByCodePoint(text: string): (codePoint: number) => number | undefined {
  if (!/[\ud800-\udbff]/.test(text)) return (codePoint) => (codePoint <= text.length ? codePoint : undefined);
  const units = [0];
  let unit = 0;
  for (const character of text) {
    unit += character.length;
    units.push(unit);
  }
  return (codePoint) => units[codePoint];
}
