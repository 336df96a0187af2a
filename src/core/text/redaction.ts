/**
 * Removes everything that looks like a credential from a text that is about to leave the process: into a history, a log, a report. It runs
 * inside workflows too, so it needs nothing but the language.
 */

/** The longest stored message of an error, in UTF-16 code units. */
export const LONGEST_MESSAGE = 2000;

const MARK = '***';
const MOST_ROUNDS = 5;

/** A value as it stands in a header, in JSON or in a query, up to its end there. */
const VALUE = String.raw`[^\s"'\\,;&<>(){}[\]]`;
/** Between a name and its value: quotes, escaped ones too, and one `:` or `=`. */
const SEPARATOR = String.raw`[\\"']{0,4}\s{0,4}[:=]\s{0,4}[\\"']{0,4}`;

/** A key as providers make them, shortened with stars as they quote them too. */
export const PROVIDER_KEY = new RegExp(
  `(?<![A-Za-z0-9])(?:${[
    '(?:sk|xai|nvapi|pplx|csk|glpat)-[A-Za-z0-9_*-]{8,}',
    '(?:gsk|hf|r8|fw|tgp_v1|gh[pousr]|npm|[rs]k_live|[rs]k_test)_[A-Za-z0-9*]{12,}',
    String.raw`github_pat_\w{12,}|AIza[\w-]{30,}|(?:AKIA|ASIA)[A-Z0-9]{16}|xox[a-z]-[\w-]{10,}`,
  ].join('|')})`,
  'g',
);

/** Signed (three parts) or encrypted (five, of which the second may be empty). */
export const JSON_WEB_TOKEN = /(?<![\w-])eyJ[\w-]{8,}(?:\.[\w-]{8,}|\.(?=\.[\w-]{8,}))(?:\.[\w-]+){0,3}/g;

/** The replaced patterns; a group names the credential and stays. All repetitions in front are bounded. */
const PATTERNS: readonly RegExp[] = [
  new RegExp(String.raw`(\bbearer\s{1,4})${VALUE}{8,}`, 'gi'),
  // Base64, and not the next word of a sentence.
  /(\b[Bb]asic\s{1,4})(?=[a-z]{0,100}[A-Z0-9+/=])[A-Za-z0-9+/]{6,}={0,2}/g,
  // The scheme goes along: `Authorization: Bearer ...`, `Authorization: ...`.
  new RegExp(String.raw`(authorization${SEPARATOR})(?:(?:bearer|basic|token|digest|apikey)\s{1,4})?${VALUE}+`, 'gi'),
  // Not the error code `invalid_api_key: ...`, and not the next word of a sentence.
  new RegExp(
    String.raw`((?<!(?:invalid|incorrect|missing|expired)_)api[-_ ]?key(?:\s{1,4}provided)?${SEPARATOR})(?=${VALUE}{0,100}[\d_-]|${VALUE}{12})${VALUE}+`,
    'gi',
  ),
  new RegExp(
    `((?:access|auth|refresh)[-_]?token${SEPARATOR}|secret${SEPARATOR}|passw(?:or)?d${SEPARATOR})${VALUE}+`,
    'gi',
  ),
  new RegExp(String.raw`(cookie${SEPARATOR})[^\r\n"'\\]+`, 'gi'),
  // Name and password in front of a host.
  /(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"'<>]{1,500}(?=@)/gi,
  PROVIDER_KEY,
  JSON_WEB_TOKEN,
];

/**
 * The text with `***` in place of credentials: values of authorization and key headers, names and passwords in addresses, keys as known
 * providers make them, and the given secrets wherever they stand.
 *
 * A second pass changes nothing. It may remove a word too many, and it cannot recognise a credential without a typical form: a caller that
 * holds one names it in `secrets`.
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = withoutSecrets(text, secrets);
  // A replacement may expose text to another pattern that did not match before.
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const before = clean;
    for (const pattern of PATTERNS) {
      clean = clean.replace(pattern, (_match, name: unknown) => `${typeof name === 'string' ? name : ''}${MARK}`);
    }
    if (clean === before) break;
  }
  return clean;
}

/** {@link redact}, then cut to a limit. The cut comes last, because a credential that is cut in two is no longer recognised. */
export function redactMessage(text: string, secrets: readonly string[] = [], limit = LONGEST_MESSAGE): string {
  return redact(text, secrets).slice(0, limit);
}

/** The text with `***` in place of the given secrets, otherwise unchanged. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) for (const form of formsOf(secret)) clean = clean.replaceAll(form, MARK);
  return clean;
}

/** A secret as it is, inside a JSON string, and inside an address. */
function formsOf(secret: string): string[] {
  if (secret === '') return [];
  const forms = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())];
  return [...new Set(forms)].toSorted((a, b) => b.length - a.length);
}
