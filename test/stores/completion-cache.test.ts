import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { CompletionCache, pruneCompletions, type Question, questionKey } from '../../src/stores/completion-cache.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const OF = { address: 'http://127.0.0.1:1/v1', model: 'm' };
const DAY_MS = 86_400_000;

let homes = 0;
const newHome = () => {
  homes += 1;
  return path.join(folder, `home-${homes}`);
};
const open = (home: string, evaluation = 'this', onOwn: (answer: string) => void = () => {}, of = OF) =>
  CompletionCache.open<string>(home, of, evaluation, onOwn, (value) => typeof value === 'string');
const question = (changes: Partial<Question> = {}): Question => ({
  ...OF,
  messages: [{ role: 'user', content: 'hello' }],
  maxOutputTokens: null,
  temperature: 0,
  ...changes,
});
const keys = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    questionKey(question({ messages: [{ role: 'user', content: `${index}` }] })),
  );
const filesOf = (home: string) =>
  readdirSync(path.join(home, 'completions'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => path.join(home, 'completions', name));
const onlyFileOf = (home: string) => {
  const [file, another] = filesOf(home);
  if (!file || another) throw new Error('not one file');
  return file;
};
/** Answers of one attempt. */
async function write(home: string, evaluation: string, answers: Record<string, string>, of = OF): Promise<void> {
  const cache = await open(home, evaluation, () => {}, of);
  for (const [key, answer] of Object.entries(answers)) cache.add(key, answer);
  await cache.written();
  await cache.close();
}
async function read(home: string, key: string, evaluation = 'this', of = OF) {
  const cache = await open(home, evaluation, () => {}, of);
  const found = await cache.find(key);
  await cache.close();
  return found;
}
const [first = '', second = '', third = ''] = keys(3);

describe('a key', () => {
  test.each<[string, Partial<Question>]>([
    ['address', { address: 'http://127.0.0.1:2/v1' }],
    ['model', { model: 'n' }],
    ['text', { messages: [{ role: 'user', content: 'hello ' }] }],
    ['role', { messages: [{ role: 'system', content: 'hello' }] }],
    ['messages', { messages: [...question().messages, { role: 'user', content: '' }] }],
    ['limit of tokens', { maxOutputTokens: 1 }],
    ['temperature', { temperature: 1 }],
  ])('a key is another one where the %s differs', (_what, change) => {
    expect(questionKey(question(change))).not.toBe(questionKey(question()));
  });

  test('a key is the same for the same question, whatever else a message carries', () => {
    const named = [{ content: 'hello', role: 'user', name: 'ana' }];
    expect(questionKey(question({ messages: named }))).toBe(questionKey(question()));
  });

  test('a key tells texts apart that would be the same when joined', () => {
    const texts = fc.array(fc.string(), { minLength: 1, maxLength: 4 });
    const keyOf = (contents: string[]) =>
      questionKey(question({ messages: contents.map((content) => ({ role: 'user', content })) }));
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        expect(keyOf(a) === keyOf(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});

test('answers of one attempt of an evaluation are its own to the next one', async () => {
  const home = newHome();
  await write(home, 'this', { [first]: 'one', [second]: 'two\n\u2028"' });
  expect(await read(home, first)).toEqual({ answer: 'one', own: true });
  expect(await read(home, second)).toEqual({ answer: 'two\n\u2028"', own: true });
  expect(await read(home, third)).toBeUndefined();
});

test('answers of another evaluation are found and not its own', async () => {
  const home = newHome();
  await write(home, 'another', { [first]: 'one' });
  expect(await read(home, first)).toEqual({ answer: 'one', own: false });
});

test('an own answer comes before a later one of another evaluation', async () => {
  const home = newHome();
  await write(home, 'this', { [first]: 'mine' });
  await write(home, 'another', { [first]: 'theirs' });
  expect(await read(home, first)).toEqual({ answer: 'mine', own: true });
});

test('the newest of the answers of other evaluations counts', async () => {
  const home = newHome();
  await write(home, 'old', { [first]: 'old' });
  utimesSync(onlyFileOf(home), new Date(), new Date(Date.now() - DAY_MS));
  await write(home, 'new', { [first]: 'new' });
  expect(await read(home, first)).toMatchObject({ answer: 'new' });
});

test('models and addresses do not see the answers of one another', async () => {
  const home = newHome();
  await write(home, 'this', { [first]: 'one' });
  expect(await read(home, first, 'this', { ...OF, model: 'n' })).toBeUndefined();
  expect(await read(home, first, 'this', { ...OF, address: 'http://127.0.0.1:2/v1' })).toBeUndefined();
});

test('every paid answer of this evaluation is reported once, those of others are not', async () => {
  const home = newHome();
  await write(home, 'this', { [first]: 'one' });
  await write(home, 'this', { [second]: 'two' });
  await write(home, 'another', { [third]: 'three' });
  const own: string[] = [];
  await (await open(home, 'this', (answer) => own.push(answer))).close();
  expect(own.toSorted()).toEqual(['one', 'two']);
});

test('a worker killed in the middle of a line leaves the lines before, and not the half one', async () => {
  const home = newHome();
  await write(home, 'this', { [first]: 'one', [second]: 'zwölf' });
  const file = onlyFileOf(home);
  const whole = readFileSync(file);
  const lineEnd = whole.indexOf(10) + 1;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: lineEnd, max: whole.length - 2 }), async (length) => {
      writeFileSync(file, whole);
      truncateSync(file, length);
      expect(await read(home, first)).toEqual({ answer: 'one', own: true });
      expect(await read(home, second)).toBeUndefined();
    }),
    { numRuns: 30 },
  );
});

test('an attempt after a killed one does not write behind its half line', async () => {
  const home = newHome();
  await write(home, 'this', { [first]: 'one' });
  appendFileSync(onlyFileOf(home), `{"key":"${second}","answ`);
  await write(home, 'this', { [second]: 'two' });
  expect(await read(home, first)).toMatchObject({ answer: 'one' });
  expect(await read(home, second)).toMatchObject({ answer: 'two' });
});

test.each(['', 'null', '[]', '{"key":1}', '{"key":"short","answer":1}', '\0\0\0', '{"key":'])(
  'a line that is %j is passed over',
  async (line) => {
    const home = newHome();
    await write(home, 'this', { [first]: 'one' });
    const file = onlyFileOf(home);
    writeFileSync(file, `${line}\n${readFileSync(file, 'utf8')}${line}\n`);
    expect(await read(home, first)).toMatchObject({ answer: 'one' });
  },
);

test('writers at the same time lose nothing and mix up nothing', async () => {
  const home = newHome();
  const all = keys(400);
  const caches = await Promise.all([0, 1, 2, 3].map((run) => open(home, `run ${run}`)));
  for (const [index, key] of all.entries()) {
    const cache = caches[index % 4];
    cache?.add(key, `answer ${index} ${'x'.repeat(index)}`);
    if (index % 7 === 0) await cache?.written();
  }
  await Promise.all(caches.map((cache) => cache.close()));
  const cache = await open(home);
  for (const [index, key] of all.entries()) {
    expect(await cache.find(key)).toEqual({ answer: `answer ${index} ${'x'.repeat(index)}`, own: false });
  }
  await cache.close();
});

test('two keys that begin alike are told apart', async () => {
  const home = newHome();
  const alike = `${first.slice(0, 20)}${second.slice(20)}`;
  await write(home, 'this', { [first]: 'one' });
  expect(await read(home, alike)).toBeUndefined();
});

test('F45 files and folders are readable by their owner only', async () => {
  const home = newHome();
  await write(home, 'this', { [first]: 'one' });
  const file = onlyFileOf(home);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
});

test('an evaluation that asks nothing leaves no file', async () => {
  const home = newHome();
  await (await open(home)).close();
  expect(filesOf(home)).toEqual([]);
});

test('after a failed write no other continues in the middle of a line', async () => {
  const home = newHome();
  const cache = await open(home);
  const [scope = ''] = readdirSync(path.join(home, 'completions'));
  // The folder is missing, so the file cannot be made.
  rmSync(path.join(home, 'completions', scope), { recursive: true });
  cache.add(first, 'one');
  await expect(cache.written()).rejects.toMatchObject({ code: 'ENOENT' });
  mkdirSync(path.join(home, 'completions', scope));
  cache.add(second, 'two');
  await expect(cache.written()).rejects.toMatchObject({ code: 'ENOENT' });
  await cache.close();
  expect(filesOf(home)).toEqual([]);
});

describe('what is kept', () => {
  const aged = async (home: string, evaluation: string, key: string, days: number) => {
    const before = existsSync(path.join(home, 'completions')) ? filesOf(home) : [];
    await write(home, evaluation, { [key]: 'x'.repeat(1000) });
    const file = filesOf(home).find((name) => !before.includes(name)) ?? '';
    utimesSync(file, new Date(), new Date(Date.now() - days * DAY_MS));
    return file;
  };

  test('answers that are older than 30 days are neither used nor kept', async () => {
    const home = newHome();
    const old = await aged(home, 'old', first, 31);
    const young = await aged(home, 'young', second, 29);
    expect(await read(home, first)).toBeUndefined();
    expect(await read(home, second)).toBeDefined();
    await pruneCompletions(home);
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
  });

  test('beyond the size the oldest files are removed first, of all models together, and none that is in use', async () => {
    const home = newHome();
    const files = [await aged(home, 'a', first, 3), await aged(home, 'b', second, 2), await aged(home, 'c', third, 0)];
    const there = () => files.map((file) => existsSync(file));
    await pruneCompletions(home, 4000);
    expect(there()).toEqual([true, true, true]);
    await pruneCompletions(home, 2500);
    expect(there()).toEqual([false, true, true]);
    await pruneCompletions(home, 0);
    expect(there()).toEqual([false, false, true]);
  });

  test('an answer that was tidied up meanwhile is missing, which is no error', async () => {
    const home = newHome();
    const file = await aged(home, 'a', first, 2);
    const cache = await open(home);
    await pruneCompletions(home, 0);
    expect(existsSync(file)).toBe(false);
    expect(await cache.find(first)).toBeUndefined();
    await cache.close();
  });

  test('a home without a cache has nothing to tidy up', async () => {
    await expect(pruneCompletions(newHome())).resolves.toBeUndefined();
  });
});
