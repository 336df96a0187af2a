import { execFileSync } from 'node:child_process';
import path from 'node:path';
import fc from 'fast-check';
import { type CallRoute, type RouteOptions, routeCall } from '../../../packages/app/src/predict/route.ts';
import type { Message } from '../../../packages/app/src/prompt/chat-message.ts';
import { stripInstructions, TREATMENTS, treatPrompt } from '../../../packages/app/src/prompt/prompt-template.ts';
import { parseTemplates } from '../../../src/data/instructions/explicit-template.ts';
import { messagesFor } from '../../../src/data/rows/messages.ts';
import { trainingLine } from '../../../src/data/rows/training-line.ts';
import { anyText } from '../../stores/any-text.ts';
import { sampleAlias, servedModel, TEMPLATE } from './sample-alias.ts';

const NOW = Date.parse('2026-11-01T00:00:00Z');
const route = (
  alias: Parameters<typeof routeCall>[0],
  input: string | Message[],
  options: Partial<RouteOptions> = {},
) => routeCall(alias, input, { now: NOW, ...options });
const asked = ({ attempts }: CallRoute) => attempts.map(({ arm, model }) => [arm, model]);

const promptOf = (text: string): Message[] => [
  { role: 'developer', content: 'Name the topic: billing, crash or delivery. Say nothing else.' },
  { role: 'user', content: `Message: ${text}\nTopic:` },
];
const canary = (share: number) => ({ ...servedModel('ft:canary'), share });

describe('who is asked', () => {
  test('a call asks the champion, then the original prompt', () => {
    const found = route(sampleAlias(), 'late parcel');
    expect(found).toMatchObject({ arm: 'champion', notAsked: null });
    expect(asked(found)).toEqual([
      ['champion', 'ft:champion'],
      ['original', 'original'],
    ]);
    expect(found.attempts.map(({ messages }) => messages)).toEqual([
      [{ role: 'user', content: 'late parcel' }],
      promptOf('late parcel'),
    ]);
  });

  test('a call of the canary asks it before the champion', () => {
    const found = route(sampleAlias({ canary: canary(1) }), 'late parcel');
    expect(found.arm).toBe('canary');
    expect(asked(found).map(([arm]) => arm)).toEqual(['canary', 'champion', 'original']);
  });

  test('a canary without a champion shares the calls with the original prompt', () => {
    const alias = sampleAlias({ champion: null, canary: canary(0.5) });
    const arms = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((key) => route(alias, 'late parcel', { key }).arm);
    expect(new Set(arms)).toEqual(new Set(['canary', 'original']));
  });

  test('a call asks the original prompt alone where nothing serves, or nothing was decided yet', () => {
    const nothing = route(sampleAlias({ champion: null }), 'late parcel');
    expect(nothing).toMatchObject({ arm: 'original', notAsked: null });
    expect(asked(nothing)).toEqual([['original', 'original']]);
    expect(asked(route(null, promptOf('late parcel'), { originalModel: 'gpt' }))).toEqual([['original', 'gpt']]);
  });

  test('a call asks another model for the original prompt, where the application names one', () => {
    expect(asked(route(sampleAlias(), 'late parcel', { originalModel: 'gpt' }))).toContainEqual(['original', 'gpt']);
  });

  test('a call asks no model for the original prompt where its model is not known', () => {
    const alias = sampleAlias({ original: { model: null, template: TEMPLATE } });
    expect(asked(route(alias, 'late parcel'))).toEqual([['champion', 'ft:champion']]);
  });

  test('a call asks no model for an original prompt that cannot be built of the input alone', () => {
    const template = parseTemplates(['Today is {{date}}. Name the topic of: {{text}}']);
    const alias = sampleAlias({ original: { model: 'original', template } });
    expect(route(alias, 'late parcel')).toMatchObject({ prompt: null, attempts: [{ arm: 'champion' }] });
    expect(route({ ...alias, champion: null }, 'late parcel')).toMatchObject({ notAsked: 'unfit', attempts: [] });
    const prompt = promptOf('late parcel');
    expect(route(alias, prompt)).toMatchObject({ prompt, attempts: [{ arm: 'champion' }, { messages: prompt }] });
  });
});

describe('whom a model is not asked for', () => {
  test('a prompt that does not fit the template of a model goes to the original prompt unchanged', () => {
    const prompt: Message[] = [{ role: 'user', content: 'Write a poem.' }];
    const found = route(sampleAlias({ canary: canary(1) }), prompt);
    expect(found).toMatchObject({ arm: 'canary', notAsked: 'unfit', prompt });
    expect(found.attempts).toMatchObject([{ arm: 'original', messages: prompt }]);
  });

  test('an input does not fit a model that is asked with a prompt of several slots', () => {
    const template = parseTemplates(['Today is {{date}}. Name the topic of: {{text}}']);
    const champion = servedModel('ft:champion', { template, treatment: 'keep-instructions' });
    expect(route(sampleAlias({ champion }), 'late parcel')).toMatchObject({ arm: 'champion', notAsked: 'unfit' });
  });

  test('F53 a model is asked until it is switched off', () => {
    const until = (shutdownDate: string) =>
      route(sampleAlias({ champion: servedModel('ft:champion', { shutdownDate }) }), 'late parcel');
    expect(until('2026-11-01T00:00:00.001Z')).toMatchObject({ notAsked: null, attempts: [{}, {}] });
    expect(until('2026-11-01T00:00:00.000Z')).toMatchObject({ notAsked: 'shutdown', attempts: [{ arm: 'original' }] });
  });

  test('if the canary is switched off, the champion is asked', () => {
    const off = { ...canary(1), shutdownDate: '2026-01-01T00:00:00.000Z' };
    const found = route(sampleAlias({ canary: off }), 'late parcel');
    expect(found).toMatchObject({ arm: 'canary', notAsked: 'shutdown', attempts: [{ arm: 'champion' }, {}] });
  });
});

describe('a model is asked as it was trained', () => {
  const template = parseTemplates([
    [
      { role: 'developer', content: 'Name the topic.\n\nExamples:\n{{examples}}\n\nToday is {{date}}.' },
      { role: 'user', content: 'Message: {{text}}' },
    ],
    'Sort: {{text}}',
  ]);
  const version = (index: number, slots: string[]): Message[] =>
    treatPrompt(template, { version: index, slots, input: slots.at(-1) ?? '' }, 'keep-instructions');
  const prompts = fc.oneof(
    fc.tuple(anyText(), anyText(), anyText()).map((slots) => version(0, slots)),
    anyText().map((text) => version(1, [text])),
  );

  test.each(TREATMENTS)('a model is asked as in its training, with a prompt of its template, by %s', (treatment) => {
    const champion = servedModel('ft:champion', { template, treatment });
    let fitting = 0;
    fc.assert(
      fc.property(prompts, (prompt) => {
        const stripped = stripInstructions(template, prompt);
        const [first] = route(sampleAlias({ champion }), prompt).attempts;
        if ('mismatch' in stripped) return expect(first?.arm).toBe('original');
        fitting += 1;
        const line = trainingLine(template, { id: 'row', line: 1, completion: 'crash', ...stripped }, treatment);
        expect(first?.messages).toEqual(JSON.parse(line).messages.slice(0, -1));
        expect(first?.arm).toBe('champion');
      }),
    );
    expect(fitting).toBeGreaterThan(50);
  });

  test.each(TREATMENTS)('a model is asked as in its training, with an input, by %s', (treatment) => {
    const champion = servedModel('ft:champion', { treatment });
    fc.assert(
      fc.property(anyText(), (input) => {
        const [first] = route(sampleAlias({ champion }), input).attempts;
        const trained = messagesFor(TEMPLATE, { id: 'row', input }, treatment);
        expect(first?.messages).toEqual(
          trained.map(({ role, content }) => ({ role, content: content.toWellFormed() })),
        );
      }),
    );
  });
});

describe('the share of a canary', () => {
  const keys = Array.from({ length: 4000 }, (_, index) => `person ${index}`);
  const inCanary = (key: string, share: number, model = 'ft:canary') =>
    route(sampleAlias({ canary: { ...canary(share), model } }), 'late parcel', { key }).arm === 'canary';

  test.each([0.01, 0.1, 0.5, 0.9])(
    'the share of a canary is the configured one, within five standard deviations: %p',
    (share) => {
      const found = keys.filter((key) => inCanary(key, share)).length;
      expect(Math.abs(found - keys.length * share)).toBeLessThan(5 * Math.sqrt(keys.length * share * (1 - share)));
    },
  );

  test('a wider share of a canary keeps the keys of a smaller one', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.string(), share, share, (key, a, b) => {
        if (inCanary(key, Math.min(a, b))) expect(inCanary(key, Math.max(a, b))).toBe(true);
      }),
    );
  });

  test('the whole share of a canary takes every key', () => {
    fc.assert(fc.property(fc.string(), (key) => inCanary(key, 1)));
  });

  test('each model draws its own keys', () => {
    const both = keys.filter((key) => inCanary(key, 0.5) && inCanary(key, 0.5, 'ft:other')).length;
    expect(both / keys.length).toBeCloseTo(0.25, 1);
  });

  test('the share of a canary is the same for an input and for the prompt around it, and without a key the input decides', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z ]+$/), (text) => {
        const alias = sampleAlias({ canary: canary(0.5) });
        const { arm } = route(alias, text);
        expect(route(alias, promptOf(text)).arm).toBe(arm);
        expect(route(alias, 'another', { key: text }).arm).toBe(arm);
      }),
    );
  });

  test('the share of a canary is the same in every process', () => {
    const module = path.resolve(import.meta.dirname, '../../../packages/app/src/predict/route.ts');
    const alias = sampleAlias({ canary: canary(0.3) });
    const some = keys.slice(0, 200);
    const program = `
      import { routeCall } from ${JSON.stringify(module)};
      const [alias, keys] = JSON.parse(process.argv[1]);
      console.log(JSON.stringify(keys.map((key) => routeCall(alias, 'x', { key, now: 0 }).arm)));`;
    const args = ['--input-type=module-typescript', '-e', program, JSON.stringify([alias, some])];
    const elsewhere: unknown = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
    expect(elsewhere).toEqual(some.map((key) => (inCanary(key, 0.3) ? 'canary' : 'champion')));
  });
});

test('each model is asked by the name of its lease, and at its own provider where the alias names another one', () => {
  const fireworks = { profile: 'fireworks', options: { account: 'a' } } as const;
  const alias = sampleAlias({
    champion: { ...servedModel('ft:champion'), callAs: 'ft:champion#lease' },
    canary: { ...servedModel('ft:canary'), provider: fireworks, share: 1 },
    original: { model: 'original', provider: 'openai', template: TEMPLATE },
  });
  expect(
    routeCall(alias, 'my parcel', { now: 0 }).attempts.map(({ arm, callAs, provider }) => [arm, callAs, provider]),
  ).toEqual([
    ['canary', 'ft:canary', fireworks],
    ['champion', 'ft:champion#lease', undefined],
    ['original', 'original', 'openai'],
  ]);
});
