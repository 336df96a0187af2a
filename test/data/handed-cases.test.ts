import { existsSync } from 'node:fs';
import path from 'node:path';
import { datasetOf, type MadeDataset } from '../setup/dataset-of.ts';

/*
 * Small logs in the forms that real systems write, where they lie beside the checkout. Each is read as a run reads it, up to its dataset
 * version, and has to come out as its rule says.
 */
const folder = path.resolve(import.meta.dirname, '../../../shared/cases/data');
const there = existsSync(folder);
if (!there) console.warn(`${folder} is not there: the logs of real systems are not tested`);

const LABELS = ['account', 'billing', 'shipping'];
const THREE_LABELS = (made: MadeDataset) => {
  expect(made.error).toBe('');
  expect(Object.keys(made.answers).sort()).toEqual(LABELS);
};
const ALL_ROWS = (made: MadeDataset) => {
  THREE_LABELS(made);
  expect(made.examples).toHaveLength(120);
};
const KEPT = (rows: number) => (made: MadeDataset) => {
  expect(made.error).toBe('');
  expect(made.examples).toHaveLength(rows);
};

/** The rule of a log, and what holds for its dataset version. */
const CASES: Record<string, [string, (made: MadeDataset) => void]> = {
  '01-anthropic-system-field': [
    'a system text of its own key is part of the prompt',
    (made) => {
      ALL_ROWS(made);
      expect(made.examples.every(({ input }) => !input.includes('You sort the mail'))).toBe(true);
      expect(made.manifest?.tokens.prompt).toBeGreaterThan(40);
    },
  ],
  '02-usage-other-words': ['usage in other words costs no row', ALL_ROWS],
  '05-epoch-seconds': [
    'a time in seconds since 1970 is read',
    (made) => {
      ALL_ROWS(made);
      expect(made.examples.every(({ timestamp }) => timestamp?.startsWith('2026-'))).toBe(true);
    },
  ],
  '06-day-first-dates': [
    'a date in another order is not guessed and costs no row',
    (made) => {
      ALL_ROWS(made);
      expect(made.examples.some(({ timestamp }) => timestamp !== undefined)).toBe(false);
    },
  ],
  '09-finish-reasons': [
    'each spelling of a cut answer drops its row',
    (made) => {
      KEPT(48)(made);
      expect(made.issues).toMatchObject({ 'cut-off': 72 });
    },
  ],
  '10-langfuse-failed-calls': ['the text of a failed call is no answer', KEPT(90)],
  '12-langfuse-corrections': [
    'a correction is the right answer',
    (made) => {
      ALL_ROWS(made);
      expect(made.answers.account).toBe(40);
    },
  ],
  '13-langfuse-stars': [
    'ratings on an unnamed scale are refused by name',
    (made) => expect(made.error).toMatch(/scale/),
  ],
  '15-langfuse-json-list': ['an export that is one JSON list is read', ALL_ROWS],
  '16-request-response-log': ['pairs of a request and its response are read', ALL_ROWS],
  '18-responses-api': ['calls of the Responses API are read', ALL_ROWS],
  '20-langchain-messages': ['messages as LangChain writes them are read', ALL_ROWS],
  '22-streamed-answers-sse': ['an answer in a stream of events is joined', ALL_ROWS],
  '23-streamed-answers-chunks': ['an answer in chunks is joined', ALL_ROWS],
  '24-think-in-generation': [
    'reasoning is no part of an answer',
    (made) => expect(made.examples.filter(({ completion }) => completion.includes('think>'))).toEqual([]),
  ],
  '25-think-in-some': ['reasoning is no part of a label', THREE_LABELS],
  '27-json-labels-confidence': [
    'answers that all differ are named as no labels',
    (made) => expect(made.error).toMatch(/different answers/),
  ],
  '28-label-with-reason': [
    'labels with reasons are named as no labels',
    (made) => expect(made.error).toMatch(/different answers/),
  ],
  '30-prefill-json': [
    'an answer whose beginning was given is joined with it',
    (made) => {
      expect(made.error).toBe('');
      expect(Object.keys(made.answers).sort()).toEqual(LABELS.map((label) => `{"label": "${label}"}`));
    },
  ],
  '32-number-labels': [
    'a number is a label',
    (made) => {
      expect(made.error).toBe('');
      expect(Object.keys(made.answers).every((label) => /^\d$/.test(label))).toBe(true);
      expect(made.examples).toHaveLength(120);
    },
  ],
  '34-object-answers': [
    'an object is its JSON, keys in order',
    (made) => {
      KEPT(120)(made);
      expect(Object.keys(made.answers)).toContain('{"category":"billing","urgent":true}');
    },
  ],
  '35-two-choices': ['of several choices the first counts', ALL_ROWS],
  '36-tool-call-answers': [
    'answers that are calls of tools are named',
    (made) => expect(made.error).toMatch(/call of a tool/),
  ],
  '37-inputs-of-figures': [
    'inputs of figures are different inputs',
    (made) => expect(made.manifest?.groups.all).toBe(120),
  ],
  '38-payments': [
    'inputs that differ in figures are no conflicts',
    (made) => {
      expect(made.examples).toHaveLength(160);
      expect(made.manifest?.conflicts.groups ?? 0).toBe(0);
    },
  ],
  '40-few-documents': [
    'a document on which the answer depends stays in the input',
    (made) => {
      expect(made.error).toBe('');
      expect(made.issues).not.toHaveProperty('exact-duplicate');
      expect(made.examples.every(({ input }) => input.length > 200)).toBe(true);
    },
  ],
  '41-two-features-one-log': [
    'features are told apart or named',
    (made) =>
      expect(made.error + made.warnings.join('') || made.examples[0]?.input).toMatch(
        /version|feature|instruction|prompt/i,
      ),
  ],
  '43-date-decides-answer': [
    'a date on which the answer depends stays in the input',
    (made) =>
      expect(made.examples.every(({ input }) => /20\d\d-\d\d-\d\d/.test(input)) && made.examples.length > 0).toBe(true),
  ],
  '45-single-class': [
    'one constant answer is named',
    (made) => expect(made.error + made.warnings.join(' ')).toMatch(/one answer|constant|single/i),
  ],
  '47-label-separators': [
    'separators in labels are named or mended',
    (made) =>
      expect(Object.keys(made.answers).length === 3 || made.warnings.join(' ').match(/alias|spell/i)).toBeTruthy(),
  ],
  '48-json-labels-spacing': ['JSON is compared by value', (made) => expect(Object.keys(made.answers)).toHaveLength(3)],
  '49-chinese-full-stop': [
    'a full stop of another script is no part of a label',
    (made) => expect(Object.keys(made.answers)).toHaveLength(3),
  ],
  '50-chinese-one-line': [
    'instructions in a script without spaces are cut off, or named',
    // Two pairs of these inputs are near duplicates.
    (made) => expect(made.manifest?.groups.all).toBe(118),
  ],
  '51-multi-label-order': [
    'several labels in one answer are named or compared as a set',
    (made) => expect(made.error + made.warnings.join(' ')).toMatch(/multi_label|several labels/),
  ],
  '53-csv-semicolons': ['fields may end at semicolons', ALL_ROWS],
  '55-csv-python-repr': ['lists as Python prints them are read', ALL_ROWS],
  '56-csv-sep-line': ['the line that names the delimiter is no header', ALL_ROWS],
  '57-gzip-without-suffix': ['a packed file is known by its content', ALL_ROWS],
  '60-cached-tokens': ['cached tokens cost no row', (made) => expect(made.error).toBe('')],
  '62-growing-chats': [
    'first turns of growing conversations are used',
    (made) => {
      expect(made.error).toBe('');
      expect(made.examples.length).toBeGreaterThan(20);
    },
  ],
  '64-xml-closing-tag': [
    'the tag that closes an input is no part of it',
    (made) =>
      expect(made.examples.length > 0 && made.examples.every(({ input }) => !input.includes('</ticket>'))).toBe(true),
  ],
  '65-control': ['a plain log is read', ALL_ROWS],
  '66-number-in-record': [
    'a number that the answer repeats stays in the input',
    (made) => expect(made.examples.length > 0 && made.examples.every(({ input }) => input.includes('TCK-'))).toBe(true),
  ],
  '67-tenant-rules': ['rules of tenants stay in the input', (made) => expect(made.error).toBe('')],
  '68-three-tenants': ['names of tenants stay in the input', (made) => expect(made.error).toBe('')],
  '69-emoji': [
    'characters outside the first plane stay whole',
    (made) =>
      expect(
        made.examples.length > 0 && made.examples.every(({ input, completion }) => (input + completion).isWellFormed()),
      ).toBe(true),
  ],
  '70-developer-role': ['the role developer is read', ALL_ROWS],
  '71-json-in-prompt': ['JSON in a prompt is text', ALL_ROWS],
  '72-csv-bom-crlf': ['a byte order mark and CR LF change nothing', ALL_ROWS],
  '73-csv-capitals': [
    'wrong capitals of columns are refused with the names that are there',
    (made) => expect(made.error).toMatch(/"Prompt"/),
  ],
  '74-csv-latin1': ['rows in another encoding are named', (made) => expect(made.issues['not-utf8']).toBeGreaterThan(0)],
  '75-retries-one-id': [
    'retries under one id are reported',
    (made) => expect(made.error + made.warnings.join(' ')).toMatch(/\bids?\b/),
  ],
  '76-unfilled-template': ['an unfilled template does not fail the run', (made) => expect(made.error).toBe('')],
  '77-classes-of-one': ['labels of one example are warned about', (made) => expect(made.warnings).not.toEqual([])],
  '78-rare-labels': ['rare labels are kept', (made) => expect(made.error).toBe('')],
  '79-strict-names-the-key': [
    'a strict pipeline names line and key',
    (made) => expect(made.error).toMatch(/log\.jsonl:\d+.*usage/),
  ],
};

jest.setTimeout(60_000);

for (const [name, [rule, check]] of Object.entries(CASES)) {
  const declare = there ? test : test.skip;
  declare(`in the log ${name}, ${rule}`, async () => {
    check(await datasetOf(path.join(folder, name, 'pipeline.yaml')));
  });
}
