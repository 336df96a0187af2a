import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { answerIssue, LabelJudge } from '../../../src/data/rows/answer-issue.ts';

describe('an answer is a refusal', () => {
  test.each([
    "I'm sorry, but I can't help with that.",
    'I’m sorry, I can’t assist with that request.',
    'Sorry, I cannot comply.',
    'I apologize, but I cannot assist with that.',
    "Unfortunately, I'm not able to help you with this request. Please ask something else.",
    'I am unable to answer that question.',
    'I cannot fulfill this request because it asks for personal data.',
    '  **I can’t help with that.**',
    "I'm sorry,\n\nbut I can't\thelp with that.",
    'As an AI language model, I cannot give medical advice.',
    "I'm sorry, but I can't create content that promotes violence.",
    'Sorry, but this request violates our usage policies.',
    'Es tut mir leid, aber ich kann dabei nicht helfen.',
    'Ich kann Ihnen dabei leider nicht helfen.',
    'Je suis désolée, mais je ne peux pas vous aider avec cela.',
    'Lo siento, pero no puedo ayudarte con eso.',
    'Mi dispiace, ma non posso aiutarti con questa richiesta.',
    'Desculpe, mas não posso ajudar com isso.',
    'Sorry, ik kan daarbij niet helpen.',
    'Przepraszam, ale nie mogę w tym pomóc.',
    'Извините, но я не могу помочь вам с этим.',
    '抱歉，我无法满足这个请求。',
    '申し訳ありませんが、そのご要望にはお応えできません。',
    '죄송하지만 그 요청은 도와드릴 수 없습니다.',
  ])('%s', (answer) => {
    expect(answerIssue(answer)).toBe('refusal');
    expect(answerIssue(answer.toUpperCase())).toBe('refusal');
  });
});

describe('an answer is an error of the API', () => {
  test.each([
    '{"error": {"message": "Rate limit reached", "type": "requests"}}',
    '{ "type": "error", "error": { "type": "overloaded_error" } }',
    "Error code: 429 - {'error': {'message': 'Rate limit'}}",
    'openai.RateLimitError: Error code: 429',
    'APIConnectionError: Connection error.',
    'Rate limit reached for gpt-4o in organization org-1 on tokens per min',
    'You exceeded your current quota, please check your plan and billing details.',
    'The server is overloaded or not ready yet.',
    'HTTP 429: Too Many Requests',
    '503 Service Unavailable',
    'Error 502: Bad Gateway',
    'upstream connect error or disconnect/reset before headers',
    '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>',
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<title>shop.test | 524: A timeout occurred</title>',
  ])('%s', (answer) => {
    expect(answerIssue(answer)).toBe('api-error');
  });
});

test.each(['', ' ', '\n\t'])('an answer of white space is empty: %j', (answer) => {
  expect(answerIssue(answer)).toBe('empty-completion');
});

describe('an answer that only resembles a refusal or an error is left alone', () => {
  test.each([
    "I'm sorry, but I can't find your order. Which number does it have?",
    'Sorry to hear that! A new card is on its way.',
    'Unfortunately, I cannot refund orders after 30 days.',
    "I can't help with parking fines, but my colleague can.",
    'We cannot process your return without a receipt.',
    "I can't write this week, I am away.",
    'The model answered "I\'m sorry, but I can\'t help with that."',
    'refusal',
    'cannot_help',
    'Leider kann ich Ihnen erst morgen helfen.',
    'No puedo iniciar sesión en mi cuenta.',
    'Je ne peux pas me connecter.',
    'Internal Server Error',
    'error',
    '429',
    '503',
    'rate limit exceeded',
    '{"error": null, "total": 12}',
    '{"type": "error", "text": "label"}',
    '<html><head><title>My shop</title></head><body>502 items</body></html>',
    'Error code 12 means that the filter is full.',
    `${"I'm sorry, but I can't help with that. ".repeat(20)}`,
  ])('%s', (answer) => {
    expect(answerIssue(answer)).toBeUndefined();
  });

  const data = path.resolve(import.meta.dirname, '../../../../shared/data');
  const testOnData = existsSync(data) ? test : test.skip;
  testOnData.each(['banking77', 'e2e_nlg'])('the inputs and answers of %s', (name) => {
    const flagged = [...textsOf(path.join(data, name))].filter((text) => answerIssue(text) !== undefined);
    expect(flagged).toHaveLength(0);
  });

  testOnData('the labels of banking77', () => {
    const rows = readFileSync(path.join(data, 'banking77/log.jsonl'), 'utf8').trim().split('\n');
    const labels = counts(...rows.map((row): [string, number] => [JSON.parse(row).completion, 1]));
    expect(mended(labels)).toEqual({});
  });
});

function* textsOf(folder: string): Iterable<string> {
  for (const line of readFileSync(path.join(folder, 'log.jsonl'), 'utf8').trim().split('\n')) {
    const { messages, completion } = JSON.parse(line);
    yield* [messages.at(-1).content, completion];
  }
  for (const line of readFileSync(path.join(folder, 'test.jsonl'), 'utf8').trim().split('\n')) {
    const { input, label, references = [] } = JSON.parse(line);
    yield* [input, label, ...references];
  }
}

test('any answer is judged in time that does not grow with its length', () => {
  const hostile = [
    "i can't ",
    'as an ai ',
    '<html><title>',
    'rate limit reached for a',
    'sorry ',
    '{"error":',
    ' ',
    'a.',
  ];
  for (const piece of hostile) {
    // With a pattern that goes back, one of these takes minutes.
    answerIssue(piece.repeat(200_000));
    answerIssue(piece.repeat(Math.floor(600 / piece.length)));
  }
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 700 }), (text) => void answerIssue(text)));
});

function counts(...rows: [string, number][]): Map<string, number> {
  const all = new Map<string, number>();
  for (const [answer, count] of rows) all.set(answer, (all.get(answer) ?? 0) + count);
  return all;
}

/** The outcome of the answers that are not left alone: another label, or an issue that drops. */
function mended(answers: Map<string, number>): Record<string, string> {
  const judge = new LabelJudge(answers);
  const changed: Record<string, string> = {};
  for (const answer of answers.keys()) {
    const { completion, issue } = judge.mend(answer);
    if (issue === 'padded-label') changed[answer] = completion;
    else if (issue !== undefined) changed[answer] = issue;
    if (issue !== 'padded-label') expect(completion).toBe(answer);
  }
  return changed;
}

const plain: [string, number][] = [
  ['billing', 400],
  ['shipping', 300],
  ['card_not_working', 200],
  ['card', 50],
  ['other', 9],
];

describe('a label', () => {
  test('a label gets the spelling that it has on most rows', () => {
    const odd: [string, number][] = [
      ' billing',
      ' billing\n',
      'billing.',
      '"billing"',
      "'billing'",
      '`billing`',
      '“billing”',
    ].map((answer) => [answer, 3]);
    const odder = ['**billing**', '```\nbilling\n```', ' "billing". ', 'Billing', 'BILLING.', '"Billing."'];
    const all = counts(...plain, ...odd, ...odder.map((answer): [string, number] => [answer, 1]));
    expect(mended(all)).toEqual(
      Object.fromEntries([...odd.map(([answer]) => answer), ...odder].map((answer) => [answer, 'billing'])),
    );
  });

  test('a label keeps white space, quotes and full stops that it has on most rows', () => {
    expect(mended(counts([' billing', 90], ['billing', 10], ['U.S.', 90], ['U.S', 10], ['"a"', 90], ['a', 1]))).toEqual(
      {
        billing: ' billing',
        'U.S': 'U.S.',
        a: '"a"',
      },
    );
  });

  test('a label keeps its capitals where both spellings are frequent, which may be different labels', () => {
    expect(mended(counts(['polish', 80], ['Polish', 20], ['polish ', 2], ['Polish.', 1]))).toEqual({
      'polish ': 'polish',
      'Polish.': 'Polish',
    });
  });

  test('a label of punctuation only is left alone', () => {
    expect(mended(counts(['.', 10], ['"', 10], ['!', 10], ['...', 10], ['""', 1], ['+', 9], ['👍', 5]))).toEqual({});
  });

  test('a label that is a part or a sibling of another is left alone, however rare', () => {
    const tail: [string, number][] = [
      ['card payment fee charged', 1],
      ['card payment', 1],
      ['payment', 200],
      ['fee', 300],
      ['card', 400],
      ['card arrival', 80],
      ['card_payment_fee', 1],
      ['category', 30],
      ['type of card', 2],
      ['card: lost', 3],
      ['not a card', 1],
    ];
    expect(mended(counts(...tail))).toEqual({});
  });

  test('a label that occurs once, as all others do, is left alone', () => {
    const titles = Array.from({ length: 500 }, (_, index): [string, number] => [`The label is item ${index}`, 1]);
    expect(mended(counts(...titles, ['item', 1]))).toEqual({});
  });
});

describe('an answer that says more than its label is dropped', () => {
  const chatty = [
    'The label is billing.',
    'Label: billing',
    'label: "Billing"',
    'Intent = card_not_working',
    'The correct category for this message is **shipping**.',
    'Answer: other',
    'I would classify this message as shipping.',
    'This message belongs to the category billing',
    'This is about billing.',
    'billing, because the customer asks about an invoice that came twice',
    'The customer cannot pay in a shop, so that card_not_working fits best.',
  ];

  test.each(chatty)('%s', (answer) => {
    expect(mended(counts(...plain, [answer, 3]))).toEqual({ [answer]: 'chatty-label' });
  });

  test('an answer that holds several labels, or none, is not dropped', () => {
    const unclear = 'It may be billing or shipping, depending on what the customer has meant by that';
    const unknown = 'The customer asks for something that none of the given names would fit to';
    expect(mended(counts(...plain, [unclear, 1], [unknown, 1], ['The label is refund.', 1]))).toEqual({});
  });

  test('answers that hold a label each in words of their own are dropped', () => {
    const own = Array.from({ length: 100 }, (_, index): [string, number] => [
      `billing, because the customer asks about the invoice of order ${index} for the second time`,
      1,
    ]);
    expect(mended(counts(...plain, ...own))).toEqual(
      Object.fromEntries(own.map(([answer]) => [answer, 'chatty-label'])),
    );
  });

  test('an answer is not dropped if it occurs nearly as often as the label that it holds', () => {
    expect(mended(counts(...plain, ['an other one that nobody has ever seen before', 4]))).toEqual({});
  });

  test('an answer with more than its label is not dropped if most answers are like it', () => {
    const all = counts(['Label: billing', 400], ['Label: shipping', 300], ['billing', 2], ['shipping', 500]);
    expect(mended(all)).toEqual({ 'Label: shipping': 'chatty-label' });
    const explained = Array.from({ length: 600 }, (_, index): [string, number] => [
      `billing, because the customer asks about the invoice of order ${index} for the second time`,
      1,
    ]);
    expect(mended(counts(['billing', 300], ['shipping', 200], ...explained))).toEqual({});
  });
});

describe('a label in JSON is dropped', () => {
  const json: [string, number][] = [
    ['{"label":"billing"}', 5],
    ['```json\n{"label": "billing"}\n```', 2],
    ['["shipping"]', 1],
  ];

  test('a label in JSON is dropped where most labels are plain', () => {
    expect(mended(counts(...plain, ...json))).toEqual(
      Object.fromEntries(json.map(([answer]) => [answer, 'json-label'])),
    );
  });

  test('labels in JSON count by their value where most labels are JSON', () => {
    expect(mended(counts(['{"label":"billing"}', 60], ['{"label": "billing"}', 20], ['billing', 9]))).toEqual({
      '{"label": "billing"}': '{"label":"billing"}',
    });
  });

  test('an answer that only begins like JSON is not dropped as one', () => {
    expect(mended(counts(...plain, ['[billing]', 5], ['{billing}', 5]))).toEqual({});
  });
});

test('answers of too many kinds to be labels are left alone', () => {
  const texts = Array.from({ length: 100_001 }, (_, index): [string, number] => [`text ${index}`, 1]);
  const judge = new LabelJudge(counts(...texts, ['billing', 1000], [' billing', 1]));
  expect(judge.mend(' billing')).toEqual({ completion: ' billing' });
  expect(judge.mend('{"label":"billing"}')).toEqual({ completion: '{"label":"billing"}' });
});

test('a mended label has no issue', () => {
  const form = fc.tuple(
    fc.constantFrom('', ' ', '"', '**', '`', '{', 'Label: ', 'The answer is '),
    fc.constantFrom('billing', 'Billing', 'card', 'Card', 'card payment', '.', 'é'),
    fc.constantFrom('', '.', '"', ' ', '**', '`', '}', ' because of what the customer says in the second line of it'),
  );
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          form.map((parts) => parts.join('')),
          fc.integer({ min: 1, max: 1000 }),
        ),
      ),
      (rows) => {
        const all = counts(...rows);
        const judge = new LabelJudge(all);
        for (const answer of all.keys()) {
          const { completion, issue } = judge.mend(answer);
          if (issue !== 'padded-label') expect(completion).toBe(answer);
          else expect(judge.mend(completion)).toEqual({ completion });
          expect(all.has(completion)).toBe(true);
        }
      },
    ),
    { numRuns: 1000 },
  );
});
