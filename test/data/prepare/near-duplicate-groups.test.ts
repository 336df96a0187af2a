import { existsSync, lstatSync, mkdtempSync, readdirSync, readlinkSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomBits, randomShares, shuffle } from '@tuneloop/app/internal/shared/random';
import fc from 'fast-check';
import { dataRows } from '../../../bench/data-rows.ts';
import { groupQuality } from '../../../bench/group-quality.ts';
import { NearDuplicateIndex, type NearDuplicateOptions } from '../../../src/data/prepare/near-duplicate-groups.ts';
import {
  Comparison,
  canonicalInput,
  SIGNATURE_WORDS,
  SIMILARITY,
  Signer,
} from '../../../src/data/split/near-duplicates.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'near-duplicate-groups-'));
});

afterEach(() => {
  // However a test ends, no thread and no file may be left.
  const left = readdirSync(folder);
  rmSync(folder, { recursive: true });
  expect(left).toEqual([]);
});

function signed(texts: readonly string[]) {
  const signer = new Signer();
  const signatures = new Uint32Array(texts.length * SIGNATURE_WORDS);
  for (const [row, text] of texts.entries()) signer.sign(text, signatures, row * SIGNATURE_WORDS);
  return { texts, signatures };
}

async function withIndex<T>(batches: Iterable<readonly string[]>, use: (index: NearDuplicateIndex) => Promise<T>) {
  const index = await NearDuplicateIndex.create(folder);
  try {
    for (const texts of batches) await index.add(signed(texts));
    return await use(index);
  } finally {
    await index.close();
  }
}

function groupsOf(texts: readonly string[], options?: NearDuplicateOptions): Promise<number[]> {
  return withIndex([texts], async (index) => [...(await index.groups(options))]);
}

/** Groups of all pairs that are at least so similar, each named after its first row. */
function closureOf(texts: readonly string[], least: number): number[] {
  const groups = texts.map((_, row) => row);
  const comparison = new Comparison();
  for (const [a, left] of texts.entries()) {
    comparison.load(left);
    for (const [b, right] of texts.slice(0, a).entries()) {
      const [first, second] = [groups[a] ?? 0, groups[b] ?? 0].toSorted((x, y) => x - y);
      if (first === second || comparison.similarity(right) < least) continue;
      for (const [row, group] of groups.entries()) if (group === second) groups[row] = first ?? 0;
    }
  }
  return groups;
}

/** Rows of one group in `finer` are in one group in `coarser`. */
function refines(finer: readonly number[], coarser: readonly number[]): boolean {
  return finer.every((first, row) => coarser[first] === coarser[row]);
}

/** Canonical inputs of rows of which so large a share are near duplicates. */
function inputs(rows: number, nearShare: number, seed = 1): string[] {
  return Array.from(dataRows({ rows, nearShare, seed }), ({ input }) => canonicalInput(input));
}

/** Short texts that differ in a few letters, repeat, or have nothing in common. */
const someTexts = fc.array(
  fc
    .record({
      base: fc.constantFrom(
        '',
        'ab',
        'where is my parcel, please?',
        'i cannot sign in any more',
        'an \ud800 unit \udc00',
      ),
      end: fc.constantFrom('', '', '.', ' thanks', ' \ufffd', ' \ud801', ' please answer before the end of the week'),
    })
    .map(({ base, end }) => base + end),
  { maxLength: 40 },
);

describe('groups', () => {
  test('groups hold only similar texts, and all nearly equal ones', async () => {
    await fc.assert(
      fc.asyncProperty(someTexts, async (texts) => {
        const groups = await groupsOf(texts);
        expect(refines(groups, closureOf(texts, SIMILARITY))).toBe(true);
        expect(refines(closureOf(texts, 0.95), groups)).toBe(true);
      }),
    );
  });

  test.each([1, 2, 3])('groups are those of comparing every pair: sample %i', async (seed) => {
    const texts = inputs(400, 0.5, seed);
    expect(await groupsOf(texts)).toEqual(closureOf(texts, SIMILARITY));
  });

  test('groups do not depend on batches, nor on whether they were asked for in between', async () => {
    await fc.assert(
      fc.asyncProperty(someTexts, fc.array(fc.nat(40), { maxLength: 4 }), async (texts, cuts) => {
        const edges = [0, ...cuts.toSorted((a, b) => a - b), texts.length];
        const batches = edges.slice(1).map((edge, index) => texts.slice(edges[index], edge));
        const groups = await withIndex([], async (index) => {
          for (const batch of batches) {
            await index.add(signed(batch));
            await index.groups();
          }
          return [...(await index.groups())];
        });
        expect(groups).toEqual(await groupsOf(texts));
      }),
      { numRuns: 30 },
    );
  });

  test('groups are the same sets in any order of the rows', async () => {
    const texts = inputs(2000, 0.3);
    const order = Uint32Array.from(texts, (_, row) => row);
    shuffle(order, randomBits(3));
    const setsOf = (groups: readonly number[], names: readonly string[]) =>
      [...Map.groupBy(names, (_, row) => groups[row]).values()]
        .map((members) => members.toSorted().join('\n'))
        .toSorted();
    const shuffled = Array.from(order, (row) => texts[row] ?? '');
    expect(setsOf(await groupsOf(shuffled), shuffled)).toEqual(setsOf(await groupsOf(texts), texts));
  });

  test('groups are the same with and without threads, over several blocks', async () => {
    const texts = inputs(40_000, 0.1);
    const [none, two, three, usual] = await withIndex(
      [texts.slice(0, 100), texts.slice(100, 35_000), texts.slice(35_000)],
      async (index) => [
        await index.groups({ threads: 0 }),
        await index.groups({ threads: 2 }),
        await index.groups({ threads: 3 }),
        await index.groups(),
      ],
    );
    expect(two).toEqual(none);
    expect(three).toEqual(none);
    expect(usual).toEqual(none);
  });

  test('groups hold at least 99 of 100 near duplicates that were made', async () => {
    const groups = await groupsOf(inputs(20_000, 0.1));
    const quality = groupQuality(groups, dataRows({ rows: 20_000, nearShare: 0.1, seed: 1 }));
    expect(quality.pairs).toBeGreaterThan(1000);
    expect(quality.recall).toBeGreaterThan(0.99);
    expect(quality.precision).toBeGreaterThan(0.99);
  });

  test('no rows have no groups', async () => {
    expect(await groupsOf([])).toEqual([]);
    expect(await groupsOf([], { threads: 2 })).toEqual([]);
  });

  test('the search for groups reports its progress', async () => {
    for (const threads of [0, 2]) {
      const shares: number[] = [];
      await groupsOf(inputs(500, 0.1), { threads, onProgress: (share) => shares.push(share) });
      expect(shares).toEqual(shares.toSorted((a, b) => a - b));
      expect([shares.length > 10, shares.at(-1)]).toEqual([true, 1]);
    }
  });
});

describe('hostile rows', () => {
  test('30,000 equal rows are one group', async () => {
    const groups = await groupsOf(new Array<string>(30_000).fill('the same again'));
    expect(new Set(groups)).toEqual(new Set([0]));
  });

  test('of 30,000 rows of one template those that differ by a letter are found', async () => {
    const random = randomShares(2);
    const word = (length: number) =>
      Array.from({ length }, () => String.fromCharCode(97 + Math.floor(26 * random()))).join('');
    const frame =
      'the machine in hall reports an unexpected state and asks for a visit by the service team, signed by ';
    const texts = Array.from({ length: 27_000 }, () => frame + word(60));
    const near = texts.slice(0, 3000).map((text) => `${text.slice(0, 130)}${word(1)}${text.slice(131)}`);
    const groups = await groupsOf([...texts, ...near]);
    expect(near.filter((_, row) => groups[27_000 + row] === row).length).toBeGreaterThan(2990);
    expect(new Set(groups).size).toBeGreaterThan(26_900);
  });

  test('empty rows are equal to each other and to nothing else', async () => {
    expect(await groupsOf(['', 'a', '', ' ', 'a'])).toEqual([0, 1, 0, 3, 1]);
  });

  test('rows of a megabyte are compared like others', async () => {
    const random = randomShares(4);
    const long = Array.from({ length: 1_000_000 }, () => String.fromCharCode(33 + Math.floor(200 * random()))).join('');
    expect(await groupsOf(['a', long, long.slice(0, 999_000), long.slice(0, 500_000), long])).toEqual([0, 1, 1, 3, 1]);
  });

  test('rows that need wide letters are near to rows that do not', async () => {
    const text = 'señor, the parcel with the blue lamp has not come to the harbour yet';
    const texts = [
      text,
      `${text} \u{1f642}`,
      `${text} \ud83d`,
      'ящик с лампой не пришёл',
      'ящик с лампой не пришёл!',
      text,
    ];
    expect(await groupsOf(texts)).toEqual([0, 0, 0, 3, 3, 0]);
  });

  test('lone surrogates keep rows apart, and leave later texts in place', async () => {
    const texts = ['\ud800', '\ud801', '\ufffd', 'é', '\ud800', 'plain', '\udc00\ud800', 'é', 'plain', '\ud801'];
    expect(await groupsOf(texts)).toEqual([0, 1, 2, 3, 0, 5, 6, 3, 5, 1]);
  });
});

describe('a search that ends early', () => {
  const threadsOfProcess = () => readdirSync('/proc/self/task').length;
  const targetOf = (link: string) => (lstatSync(link, { throwIfNoEntry: false }) ? readlinkSync(link) : '');
  const onLinux = existsSync('/proc/self/task') ? test : test.skip;

  test('a search never starts under an aborted signal', async () => {
    const signal = AbortSignal.abort(new Error('changed my mind'));
    await expect(groupsOf(['a'], { signal })).rejects.toThrow('changed my mind');
    await expect(groupsOf(['a'], { signal, threads: 2 })).rejects.toThrow('changed my mind');
  });

  test.each([0, 2])('a search stops, and rejects with the reason of the signal, with %i threads', async (threads) => {
    const stop = new AbortController();
    const reason = new Error('changed my mind');
    let reached = 0;
    const searching = groupsOf(inputs(20_000, 0.1), {
      threads,
      signal: stop.signal,
      onProgress: (share) => {
        reached = share;
        if (share > 0.1) stop.abort(reason);
      },
    });
    await expect(searching).rejects.toBe(reason);
    expect(reached).toBeLessThan(1);
  });

  onLinux('leaves no thread', async () => {
    const texts = inputs(3000, 0.1);
    await groupsOf(texts, { threads: 2 });
    const before = threadsOfProcess();
    const stop = new AbortController();
    let during = 0;
    const searching = groupsOf(texts, {
      threads: 2,
      signal: stop.signal,
      onProgress: (share) => {
        if (share < 0.1) return;
        during = threadsOfProcess();
        stop.abort();
      },
    });
    await expect(searching).rejects.toThrow('aborted');
    expect(during).toBeGreaterThan(before);
    expect(threadsOfProcess()).toBe(before);
  });

  test.each([0, 2])('a search rejects with the error of its progress listener, with %i threads', async (threads) => {
    const onProgress = () => {
      throw new Error('no more of this');
    };
    await expect(groupsOf(['a', 'a'], { threads, onProgress })).rejects.toThrow('no more of this');
  });

  onLinux('rejects with the error of a thread', async () => {
    await withIndex([['a', 'a', 'b']], async (index) => {
      const files = readdirSync('/proc/self/fd').map((each) => `/proc/self/fd/${each}`);
      truncateSync(
        files.find((each) => targetOf(each).startsWith(`${folder}/`) && targetOf(each).includes('texts')) ?? '',
      );
      await expect(index.groups({ threads: 2 })).rejects.toThrow('a scratch file');
    });
  });
});
