import { disagreeingVersions } from '../../../src/data/instructions/version-labels.ts';

const counts = (labels: Record<string, number>) => new Map(Object.entries(labels));

test('versions that are answered with other labels are named, with labels of each', () => {
  const warnings = disagreeingVersions(
    new Map([
      [0, counts({ billing: 50, repair: 40, other: 10 })],
      [1, counts({ payments: 30, workshop: 20, other: 5 })],
    ]),
  );
  expect(warnings).toEqual([
    expect.stringMatching(/versions 1 and 2 .* \(billing, repair \| payments, workshop\).*rename them/),
  ]);
});

test.each<[string, [Record<string, number>, Record<string, number>]]>([
  [
    'with the same labels',
    [
      { a: 50, b: 50 },
      { a: 20, b: 30 },
    ],
  ],
  [
    'with the same labels in other shares',
    [
      { a: 90, b: 10 },
      { a: 10, b: 90 },
    ],
  ],
  [
    'one of which has a label more',
    [
      { a: 50, b: 50 },
      { a: 40, b: 40, c: 20 },
    ],
  ],
  [
    'with a few slips',
    [
      { a: 50, b: 50 },
      { a: 48, b: 50, 'A!': 1, 'b, I think': 1 },
    ],
  ],
  ['one of which has hardly been used', [{ a: 50, b: 50 }, { c: 10 }]],
])('versions %s agree', (_name, [first, second]) => {
  expect(
    disagreeingVersions(
      new Map([
        [0, counts(first)],
        [1, counts(second)],
      ]),
    ),
  ).toEqual([]);
});

test('each pair of several versions is compared', () => {
  const versions = new Map([0, 1, 2].map((version) => [version, counts({ [`label ${version}`]: 30 })]));
  expect(disagreeingVersions(versions)).toHaveLength(3);
});
