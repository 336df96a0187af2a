import type { RowIssue } from '../../core/dataset/issue.ts';
import { bareLabel as bare, foldedLabel as folded, jsonLabel, spellingKey } from './label-form.ts';
import { REFUSAL_WORDINGS } from './refusal-wordings.ts';

/**
 * The issue of an unchecked answer, whatever the task. Only answers that are nothing but a refusal or an error have one: an answer that
 * regrets something, or is about errors, has none.
 */
export function answerIssue(completion: string): RowIssue | undefined {
  const text = completion.trim();
  if (text === '') return 'empty-completion';
  if (isApiError(text)) return 'api-error';
  return isRefusal(text) ? 'refusal' : undefined;
}

/** UTF-16 code units. Longer answers say more than a refusal or an error. */
const LONGEST_REFUSAL = 600;

function isRefusal(text: string): boolean {
  if (text.length > LONGEST_REFUSAL) return false;
  const plain = text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/’/g, "'")
    .replace(/\s+/g, ' ')
    .replace(/^["“*_ ]+/, '');
  return REFUSAL_WORDINGS.some((wording) => wording.test(plain));
}

const ERROR_WORDINGS: readonly RegExp[] = [
  // {"error": {"message": ...}}, {"type": "error", "error": {"type": ...}}
  /^\{\s*"(?:type"\s*:\s*"error"\s*,\s*")?error"\s*:\s*\{\s*"(?:message|type|code|status|param)"\s*:/,
  // As the clients print them: "Error code: 429 - {'error': ...", "openai.RateLimitError: ..."
  /^error code: [45]\d\d\b/,
  /^(?:[a-z_]{1,40}\.){0,4}(?:api|apiconnection|apistatus|apitimeout|ratelimit|internalserver|authentication|serviceunavailable)error\s*[:(]/,
  /^rate limit (?:reached|exceeded) for [\w.:/-]{1,80} (?:in|on) /,
  /^you exceeded your current quota, please check your plan and billing details/,
  /^(?:that model is currently overloaded|the (?:server|engine) is (?:currently )?overloaded|the server had an error while processing your request)/,
  /^this model's maximum context length is \d/,
  /^upstream (?:connect error|request timeout)/,
  // Names of exceptions, as clients and proxies print them: "litellm.Timeout: ...", "google.api_core.exceptions.ResourceExhausted: 429 ..."
  /^(?:error: )?(?:litellm|openai|anthropic|httpx|httpcore|requests|aiohttp|urllib3|botocore|google|mistralai|cohere|groq|together|langchain\w*|vertexai|azure)(?:\.\w{1,40}){1,5}(?:error|exception|timeout|exhausted|unavailable|exceeded|denied|throttl\w*|toomanyrequests|badrequest|notfound)?\s*[:(]/,
  /^(?:(?:\w{1,30}\.){1,4}\w{0,30}timeout|(?:\w{1,30}\.){0,4}\w{0,30}(?:timeouterror|ratelimiterror|overloadederror|badrequesterror|contextwindowexceedederror|connecttimeout|readtimeout|remoteprotocolerror|contentpolicyviolationerror|notfounderror|permissiondeniederror|resourceexhausted|throttlingexception|modelerrorexception|axioserror|fetcherror))\s*:/,
  /^traceback \(most recent call last\):/,
  /^(?:typeerror: fetch failed|connection error\.?$|request timed out\.?$|socket hang up|request failed with status code [45]\d\d)/,
  /^(?:error: )?(?:connect |read |getaddrinfo )?(?:econnreset|econnrefused|etimedout|enotfound|eai_again|epipe)\b/,
  /^an error occurred \(\w{1,60}\) when calling the \w{1,40} operation/,
  /^\{\s*'error'\s*:\s*\{\s*'(?:message|type|code|status|param)'/,
  // "502 Bad Gateway", "HTTP 429: Too Many Requests"
  /^(?:(?:http(?:\/\d(?:\.\d)?)?|error|status(?: code)?):? ){0,2}(?:429|50[0234]|529)\b[ :,(–—-]{0,3}(?:too many requests|internal server error|bad gateway|service (?:temporarily )?unavailable|gateway time-?out|overloaded)/,
];

/** The title of a page that a server or a proxy sends in place of an answer. */
const ERROR_TITLE =
  /<title>[^<]{0,60}(?:\b(?:4[0-2]\d|50\d|52\d)\b|bad gateway|gateway time-?out|service (?:temporarily )?unavailable|too many requests|internal server error|attention required|access denied)[^<]{0,60}<\/title>/;
const LOOKED_AT = 2000;

function isApiError(text: string): boolean {
  const start = text.slice(0, LOOKED_AT).toLowerCase();
  if (/^<(?:!doctype )?html/.test(start)) return ERROR_TITLE.test(start);
  return ERROR_WORDINGS.some((wording) => wording.test(start));
}

/** With more different answers than this they are no labels, and no label is judged. */
const MOST_LABELS = 100_000;
/** The share of a label's rows that one spelling needs before other capitals and separators count as slips, because labels may differ only by them. */
const DOMINANT = 0.9;
/** A trait of at least this share of the rows is the form of answers in this log, and no flaw. */
const USUAL_SHARE = 0.5;
/** Share of the answers that occur repeatedly; their length in words limits the length of a label. */
const MEASURED_SHARE = 0.95;
/** The factor by which a label has to stand alone more often than in a longer answer. */
const FAR_MORE_OFTEN = 3;
/** At most this many characters and words of an answer are looked at. */
const LONGEST_ANSWER = 2000;
const LONGEST_ANNOUNCEMENT = 250;
const LONGEST_LABEL_WORDS = 12;

/**
 * Judges the labels of a log by how often each answer occurs. An answer that differs from a far more frequent one by white space, quotes, a
 * full stop, separators or capitals alone is that label, and JSON counts by its value. A form that most answers of a log share (all in JSON, all in sentences) is no issue.
 */
export class LabelJudge {
  readonly #spellings = new Map<string, Spellings>();
  /** By capitals and separators. */
  readonly #capitals = new Map<string, Spellings>();
  /** Of labels in JSON, by value. */
  readonly #json = new Map<string, Spellings>();
  /** Rows of each answer, by its words. */
  readonly #rows = new Map<string, number>();
  /** Words of a long label. */
  readonly #usualWords: number = 0;
  readonly #judgesJson: boolean = false;
  readonly #judgesChat: boolean = false;

  /** @param counts - the number of rows with each answer */
  constructor(counts: ReadonlyMap<string, number>) {
    if (counts.size > MOST_LABELS) return;
    let rows = 0;
    let inJson = 0;
    for (const [answer, count] of counts) {
      const label = bare(answer);
      rows += count;
      const json = jsonLabel(label);
      if (json !== undefined) {
        inJson += count;
        addSpelling(this.#json, json, answer.trim(), count);
        continue;
      }
      addSpelling(this.#spellings, label, answer, count);
      const words = wordsOf(label).join(' ');
      this.#rows.set(words, (this.#rows.get(words) ?? 0) + count);
    }
    for (const [label, { rows }] of this.#spellings) addSpelling(this.#capitals, spellingKey(label), label, rows);
    this.#usualWords = lengthOfLabels(this.#rows);
    this.#judgesJson = inJson < rows * USUAL_SHARE;
    let chatty = 0;
    for (const [answer, count] of counts) if (this.#isChatty(bare(answer))) chatty += count;
    this.#judgesChat = chatty < rows * USUAL_SHARE;
  }

  /** The label that an answer stands for, and its issue. With an issue that drops the row, the answer stays unchanged. */
  mend(completion: string): { completion: string; issue?: RowIssue } {
    const label = bare(completion);
    const json = jsonLabel(label);
    if (json !== undefined) {
      if (this.#judgesJson) return { completion, issue: 'json-label' };
      const form = this.#json.get(json)?.form ?? completion;
      return form === completion ? { completion } : { completion: form, issue: 'padded-label' };
    }
    if (this.#judgesChat && this.#isChatty(label)) return { completion, issue: 'chatty-label' };
    const usual = this.#usualSpelling(label) ?? completion;
    return usual === completion ? { completion } : { completion: usual, issue: 'padded-label' };
  }

  #usualSpelling(label: string): string | undefined {
    const capitals = this.#capitals.get(spellingKey(label));
    const dominates = capitals !== undefined && capitals.most >= capitals.rows * DOMINANT;
    return this.#spellings.get(dominates ? capitals.form : label)?.form;
  }

  /** Whether an answer states a label in a sentence, or is long and holds a single label. */
  #isChatty(answer: string): boolean {
    const words = wordsOf(answer.slice(0, LONGEST_ANSWER));
    const rows = this.#rows.get(words.join(' ')) ?? 0;
    const announced = answer.length <= LONGEST_ANNOUNCEMENT ? ANNOUNCEMENT.exec(answer)?.groups?.label : undefined;
    if (announced !== undefined && this.#rowsOf(wordsOf(announced)) > rows) return true;
    if (words.length <= 2 * this.#usualWords + 4) return false;
    const [label, ...others] = this.#labelsIn(words);
    return label !== undefined && others.length === 0 && this.#rowsOf([label]) >= rows * FAR_MORE_OFTEN;
  }

  #rowsOf(words: readonly string[]): number {
    return words.length === 0 ? 0 : (this.#rows.get(words.join(' ')) ?? 0);
  }

  /** The different labels that words spell, the longest at each place; two are enough to decide. */
  #labelsIn(words: readonly string[]): Set<string> {
    const found = new Set<string>();
    for (let at = 0; at < words.length && found.size < 2; ) {
      let length = Math.min(LONGEST_LABEL_WORDS, this.#usualWords, words.length - at);
      while (length > 0 && !this.#rows.has(words.slice(at, at + length).join(' '))) length -= 1;
      if (length > 0) found.add(words.slice(at, at + length).join(' '));
      at += Math.max(1, length);
    }
    return found;
  }
}

/** "Label: billing", "The intent of this message is billing", "I would classify this as billing". */
const ANNOUNCEMENT =
  /^(?:[^\n:=]{0,80}\b(?:(?:label|class|category|intent|topic|answer|classification|sentiment|output|result)(?: (?:for|of) [^\n:=]{1,60}?)?(?: (?:is|would be|should be):?|\s*[:=→])|(?:classify|classified|categori[sz]ed?|labell?ed|label|tagged?) (?:(?:this|it|the) (?:[a-z]{1,20} )?)?as|(?:belongs|falls) (?:to|in|into|under))|(?:i (?:think|believe|would say) )?(?:this|it)(?: [a-z]{1,20})? is(?: about| related to| an?)?)(?: the (?:label|class|category|intent|topic))? ?(?<label>\S[^\n]{0,120})$/i;

/** The spellings of one label. */
interface Spellings {
  /** The most frequent of them, and its rows. */
  form: string;
  most: number;
  /** Rows of all of them. */
  rows: number;
}

/** Of equally frequent spellings the shorter one is taken, then the first in the order of code units. */
function addSpelling(spellings: Map<string, Spellings>, key: string, form: string, rows: number): void {
  const known = spellings.get(key);
  if (!known) {
    spellings.set(key, { form, most: rows, rows });
    return;
  }
  known.rows += rows;
  const ahead = rows - known.most || known.form.length - form.length || (form < known.form ? 1 : -1);
  if (ahead > 0) Object.assign(known, { form, most: rows });
}

/** An underscore belongs to a word: it stands for the white space within labels. */
function wordsOf(text: string): string[] {
  return folded(text).match(/[\p{L}\p{M}\p{N}_]+/gu) ?? [];
}

/** In words. Answers that occur once may be sentences. */
function lengthOfLabels(rows: ReadonlyMap<string, number>): number {
  const lengths: number[] = [];
  let all = 0;
  for (const [words, count] of rows) {
    if (count < 2 || words === '') continue;
    const length = words.split(' ').length;
    lengths[length] = (lengths[length] ?? 0) + count;
    all += count;
  }
  let seen = 0;
  const length = lengths.findIndex((count = 0) => {
    seen += count;
    return seen >= all * MEASURED_SHARE;
  });
  return Math.max(0, length);
}
