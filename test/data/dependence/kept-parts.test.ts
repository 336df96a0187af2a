import { stripInstructions } from '@tuneloop/app/internal/prompt/prompt-template';
import { randomShares, spread } from '@tuneloop/app/internal/shared/random';
import fc from 'fast-check';
import { type AnsweredPrompt, keepWhatDecides } from '../../../src/data/instructions/kept-parts.ts';
import { mineTemplate } from '../../../src/data/instructions/template-mining.ts';

const DAYS = Array.from({ length: 200 }, (_, day) => new Date(Date.UTC(2026, 0, 1 + day)));
const NOUNS = ['kettle', 'ladder', 'fence', 'stove', 'boat', 'lamp', 'saddle', 'tent', 'bridge', 'wheel', 'anchor'];
const random = randomShares(spread(77));
const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
const wish = () =>
  `bring the ${pick(NOUNS)} and the ${pick(NOUNS)} to the ${pick(NOUNS)} ${Math.floor(random() * 900)}`;
const chat = (system: string, user: string, answer: string): AnsweredPrompt => ({
  messages: [
    { role: 'system', content: system },
    { role: 'user', content: user },
  ],
  answer,
});

/** The decisions about the parts of a log, and the input of its first prompt. */
function kept(rows: readonly AnsweredPrompt[], classification = false) {
  const { template, parts } = keepWhatDecides(mineTemplate(rows.map(({ messages }) => messages)), rows, {
    classification,
    change: true,
  });
  const [first] = rows;
  const stripped = first && stripInstructions(template, first.messages);
  return { parts, input: stripped && 'input' in stripped ? stripped.input : '', template };
}

const make = (rows: number, one: (index: number) => AnsweredPrompt) =>
  Array.from({ length: rows }, (_, index) => one(index));
const iso = (day: Date) => day.toISOString().slice(0, 10);

describe('a part on which answers depend stays in the input', () => {
  // https://github.com/ArcadeAI/arcade-mcp/pull/337: relative dates need today's date in the prompt
  test('a date from which answers compute another date is kept', () => {
    const rows = make(150, () => {
      const day = pick(DAYS);
      const next = new Date(day.getTime() + 86_400_000);
      return chat(
        `You plan trips for a hut. Today is ${iso(day)}. Be brief.`,
        `Wish: ${wish()}`,
        `Planned for ${iso(next)}`,
      );
    });
    const { parts, input } = kept(rows);
    expect(parts).toMatchObject([{ kind: 'date', outcome: 'depends', decision: 'kept' }]);
    expect(input).toMatch(/^date: 2026-/);
  });

  // https://github.com/anthropics/claude-code/issues/34530: the time of day decides what is right to say
  test('a time that decides a label is kept', () => {
    const rows = make(150, () => {
      const hour = Math.floor(random() * 24);
      const time = `${iso(pick(DAYS))} ${`${hour}`.padStart(2, '0')}:10`;
      return chat(
        `You sort calls of a hut. It is ${time}. Say open or closed.`,
        `Wish: ${wish()}`,
        hour < 12 ? 'open' : 'closed',
      );
    });
    expect(kept(rows, true).parts).toMatchObject([{ kind: 'date', decision: 'kept' }]);
  });

  // https://github.com/gabogabucho/lumen-agent/pull/33: greetings come out wrong without the local time
  test('a time that decides the greeting of a written answer is kept', () => {
    const rows = make(150, () => {
      const hour = Math.floor(random() * 24);
      const time = `${iso(pick(DAYS))} ${`${hour}`.padStart(2, '0')}:10`;
      const greeting = hour < 12 ? 'Good morning' : 'Good evening';
      return chat(
        `You answer for a hut. It is ${time}. Be kind.`,
        `Wish: ${wish()}`,
        `${greeting}, we will see to it.`,
      );
    });
    expect(kept(rows).parts).toMatchObject([{ decision: 'kept' }]);
  });

  test('an id that answers repeat is kept', () => {
    const rows = make(100, () => {
      const id = `TCK-${10_000 + Math.floor(random() * 90_000)}`;
      return chat(
        `You confirm tickets of a hut. The ticket is ${id}. Be brief.`,
        `Wish: ${wish()}`,
        `${id}: it is done.`,
      );
    });
    expect(kept(rows).parts).toMatchObject([{ kind: 'id', outcome: 'depends', decision: 'kept' }]);
  });

  test('prompts of two features are told apart by a name before their inputs', () => {
    const rows = make(120, (index) => {
      const text = wish();
      return index % 2 === 0
        ? chat(
            'Write a short and friendly reply to the guest of the hut.',
            text,
            `Thank you, we will see to it soon. ${index}`,
          )
        : chat('Give the title under which the desk finds this mail later.', text, `Title ${index}`);
    });
    const { parts, input } = kept(rows);
    expect(parts).toMatchObject([{ kind: 'version', outcome: 'depends', decision: 'named' }]);
    expect(input).toMatch(/^prompt: Write a short and friendly reply\n/);
  });

  test('a document behind a tag stays in the input, although few documents come up', () => {
    const documents = Array.from({ length: 4 }, () => Array.from({ length: 60 }, () => pick(NOUNS)).join(' '));
    const rows = make(120, (index) =>
      chat(
        'Answer from the document alone, with yes or no.',
        `<document>\n${documents[index % 4]}\n</document>\nQuestion: ${wish()}?`,
        index % 3 === 0 ? 'yes' : 'no',
      ),
    );
    const { parts, input } = kept(rows, true);
    expect(parts).toMatchObject([{ kind: 'version', decision: 'one-version' }]);
    expect(input).toContain(documents[0]);
  });
});

describe('a part that decides nothing is cut off', () => {
  // https://github.com/suitenumerique/conversations/pull/18: the date is in each prompt, whatever is asked
  test('a date that no answer depends on is cut off', () => {
    const rows = make(150, () => {
      const noun = pick(NOUNS);
      return chat(
        `You sort calls of a hut. Today is ${iso(pick(DAYS))}. Name the thing.`,
        `Wish: the ${noun} please, number ${wish()}`,
        noun,
      );
    });
    expect(kept(rows, true).parts).toMatchObject([{ kind: 'date', outcome: 'independent', decision: 'cut' }]);
  });

  test('two wordings of the same instructions stay two versions', () => {
    const rows = make(150, (index) => {
      const noun = pick(NOUNS);
      const system =
        index % 2
          ? 'Read the mail of a guest and name the thing that is wanted.'
          : 'Which thing does the guest of our hut ask for in this mail? One word.';
      return chat(system, `the ${noun} please, and ${wish()}`, noun);
    });
    const { parts, template } = kept(rows, true);
    expect(parts).toMatchObject([{ kind: 'version', outcome: 'independent', decision: 'cut' }]);
    expect(template.versions).toHaveLength(2);
  });

  test('with too few rows to decide, a date is kept and the figure says so', () => {
    const rows = make(12, () =>
      chat(`You sort calls of a hut. Today is ${iso(pick(DAYS))}. Name it.`, `Wish: ${wish()}`, 'yes'),
    );
    expect(kept(rows, true).parts).toMatchObject([{ outcome: 'unknown', decision: 'kept', p: null }]);
  });
});

test('decisions are the same for the same rows', () => {
  const rows = make(80, () => chat(`You sort. Today is ${iso(pick(DAYS))}. Be brief.`, `Wish: ${wish()}`, pick(NOUNS)));
  expect(kept(rows)).toEqual(kept(rows));
});

test('each value that is kept can be read from the input', () => {
  fc.assert(
    fc.property(fc.integer({ min: 10_000, max: 90_000 }), (id) => {
      const rows = make(60, (index) =>
        chat(
          `You confirm tickets of a hut. The ticket is TCK-${id + index * 7}. Be brief.`,
          `Wish: ${wish()}`,
          `TCK-${id + index * 7} done`,
        ),
      );
      expect(kept(rows).input).toContain(`TCK-${id}`);
    }),
    { numRuns: 5 },
  );
});
