import fc from 'fast-check';
import { parseTemplates } from '../../../src/data/instructions/explicit-template.ts';
import { mineTemplate } from '../../../src/data/instructions/template-mining.ts';
import { LabelJudge } from '../../../src/data/rows/answer-issue.ts';
import { LabelChoice } from '../../../src/data/rows/label-choice.ts';
import { bareLabel } from '../../../src/data/rows/label-form.ts';
import { notLabels, suspiciousPairs } from '../../../src/data/rows/label-survey.ts';
import { canonicalInput, similarity } from '../../../src/data/split/near-duplicates.ts';

const counts = (...entries: [string, number][]) => new Map(entries);

describe('one label in several spellings', () => {
  // https://github.com/adewale/skill-eval-harness/issues/55: zero-width characters make right answers wrong
  test('unseen characters are no part of a label', () => {
    expect(bareLabel('bil\u200bling\u200f')).toBe('billing');
  });

  test('a label with a composed letter is the label with a decomposed one', () => {
    expect(bareLabel('Kate\u0301gorie')).toBe(bareLabel('Kat\u00e9gorie'));
  });

  test.each(['账单。', 'बिल।', 'بل۔', 'billing．'])('the full stop of %s is no part of the label', (label) => {
    expect(bareLabel(label)).toBe(label.slice(0, -1));
  });

  // https://github.com/kitzeslab/opensoundscape/issues/1
  test('rare separators and capitals are mended to the usual spelling', () => {
    const judge = new LabelJudge(counts(['lost parcel', 95], ['Lost_Parcel', 3], ['billing', 40]));
    expect(judge.mend('Lost_Parcel')).toEqual({ completion: 'lost parcel', issue: 'padded-label' });
  });

  // https://github.com/apple/turicreate/issues/1528: "Shoes" and "shoes" are two labels
  test('equally frequent spellings are left alone and named as suspicious', () => {
    const labels = counts(['Shoes', 40], ['shoes', 38]);
    expect(new LabelJudge(labels).mend('shoes')).toEqual({ completion: 'shoes' });
    expect(suspiciousPairs(labels)).toMatchObject([{ labels: ['Shoes', 'shoes'], why: 'separators or capitals' }]);
  });

  test('a rare label one character off a frequent one is named, but not where a figure differs', () => {
    expect(suspiciousPairs(counts(['shipping', 90], ['shiping', 2], ['tier 1', 50], ['tier 2', 3]))).toMatchObject([
      { labels: ['shipping', 'shiping'], why: 'one character' },
    ]);
  });

  // https://github.com/demisto/content/pull/9341: a mapping of labels has to bear other capitals
  test('a closed list maps aliases, whatever their capitals and separators', () => {
    const choice = new LabelChoice({ labels: ['billing', { name: 'refund', aliases: ['refund request'] }] });
    expect(choice.choose('Refund_Request.')).toEqual({ answer: 'refund' });
    expect(choice.choose('weather')).toEqual({ issue: 'unknown-label' });
  });

  test('a label stays itself once it is bare', () => {
    fc.assert(
      fc.property(fc.string(), (text) => expect(bareLabel(bareLabel(text))).toBe(bareLabel(text))),
      { numRuns: 200 },
    );
  });
});

describe('answers that are no labels', () => {
  // https://github.com/HumanSignal/label-studio-evalme/pull/155: the order of several labels must not matter
  test('several labels are one set, whatever their order and separators', () => {
    const choice = new LabelChoice({ multi_label: true });
    expect(choice.choose('urgent; billing')).toEqual(choice.choose('["billing", "urgent"]'));
  });

  // https://github.com/refuel-ai/autolabel/pull/405: comma separated lists of labels as answers
  test('lists of labels in different orders are refused by name', () => {
    expect(notLabels(counts(['joy, love', 20], ['love, joy', 20], ['joy', 20]), false)).toMatch(/multi_label/);
  });

  test('answers that all differ name the field of JSON that would do', () => {
    const answers = Array.from({ length: 60 }, (_, row): [string, number] => [
      JSON.stringify({ label: ['a', 'b'][row % 2], score: row / 100 }),
      1,
    ]);
    expect(notLabels(new Map(answers), false)).toMatch(/60 different answers.*json_field: label/);
    expect(new LabelChoice({ target: { json_field: 'label' } }).choose('{"score": 1, "label": "a"}')).toEqual({
      answer: 'a',
    });
  });

  test('one constant answer is refused', () => {
    expect(notLabels(counts(['billing', 50]), false)).toMatch(/one answer/);
  });
});

describe('figures and cuts', () => {
  // https://github.com/marin-community/marin/issues/6854: clusters of unrelated texts that look alike
  test('inputs that figures make up are told apart by them', () => {
    const [a, b] = ['low 1.27, high 1.29, close 1.26', 'low 8.11, high 9.45, close 8.60'].map(canonicalInput);
    expect(similarity(a ?? '', b ?? '')).toBeLessThan(0.8);
  });

  // https://github.com/Arize-ai/phoenix/issues/4764 and https://github.com/FlowiseAI/Flowise/issues/968
  test('a backslash before braces makes them text in a template', () => {
    const [version] = parseTemplates(['Fill in \\{{name}} for {{input}}']).versions;
    expect(version?.messages[0]?.parts).toEqual(['Fill in {{name}} for ', { slot: 0 }]);
  });

  test('a tag with attributes around the input is cut off at both ends', () => {
    const texts = ['a red kettle', 'two old lamps', 'the fence is down', 'my boat leaks', 'a tent', 'no wheel'];
    const prompts = texts.map((text) => [
      {
        role: 'user' as const,
        content: `Read the mail below and name its mood.\n<mail lang="en">\n${text}\n</mail>\n<note>\nOne word.\n</note>`,
      },
    ]);
    const [version] = mineTemplate(prompts).versions;
    expect(version?.messages[0]?.parts.at(-1)).toMatch(/^\n<\/mail>/);
  });

  test('in a script without spaces, a label before the input is cut off', () => {
    const texts = [
      '银行转账显示未支付',
      '仓库忽略了新地址',
      '同事需要管理权限',
      '密码邮件没有收到',
      '灯坏了',
      '退款在哪里',
    ];
    const prompts = texts.map((text) => [
      { role: 'user' as const, content: `请阅读顾客留言，只回答一个类别。顾客留言：${text}` },
    ]);
    const [version] = mineTemplate(prompts).versions;
    expect(version?.messages[0]?.parts).toEqual(['请阅读顾客留言，只回答一个类别。顾客留言：', { slot: 0 }]);
  });
});
