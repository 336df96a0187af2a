import fc from 'fast-check';
import { lineageTree } from '../../src/lineage/lineage-tree.ts';
import { artifactsOfLineage, type LineageParts, modelLineage } from '../../src/lineage/model-lineage.ts';
import { sampleManifest } from '../data/rows/sample-manifest.ts';
import { sampleReport } from '../report/sample-report.ts';

const CONTENDER = 'local-base-lr1-e4';
const REF = { uri: `sha256:${'e'.repeat(64)}`, sha256: 'e'.repeat(64), bytes: 1, rows: 1 };

function partsWith(changes: Partial<LineageParts> = {}): LineageParts {
  const report = sampleReport();
  const createdAt = '2026-11-23T08:00:00.000Z';
  return {
    run: report.runId,
    pipeline: report.pipeline,
    contender: CONTENDER,
    model: report.winnerModel,
    report: { known: true, value: report },
    deployed: null,
    aliases: [],
    version: { known: true, value: { version: 'support@1', ref: REF, createdAt, manifest: sampleManifest() } },
    parents: [],
    snapshot: { known: true, value: { rows: 1, segments: [REF], actuals: [] } },
    uploads: { known: true, value: { trainingFile: 'file-1', validationFile: 'file-2' } },
    decisions: { known: true, value: { from: 'deployment', all: [] } },
    ...changes,
  };
}

const treeOf = (
  parts: LineageParts,
  states = new Map(artifactsOfLineage(parts).map((ref) => [ref.sha256, 'there' as const])),
) => lineageTree(modelLineage(parts, states));

test('the tree goes from the source to the decisions', () => {
  const tree = treeOf(partsWith());
  const marks = [
    'log.jsonl',
    'segment',
    'training file',
    'file-1',
    'ftjob-',
    'validation: ',
    'against the original',
    'decisions',
  ];
  const places = marks.map((mark) => tree.indexOf(mark));
  expect(places).not.toContain(-1);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(tree).not.toContain('MISSING');
  expect(tree).not.toContain('NOT KNOWN');
});

test('a missing part stands at its place', () => {
  const unknown = (why: string) => ({ known: false, why }) as const;
  expect(treeOf(partsWith(), new Map())).toMatch(/segment: 1 line, sha256 e{16}, MISSING/);
  expect(treeOf(partsWith({ version: unknown('it is gone') }))).toContain('├─ dataset version: NOT KNOWN: it is gone');
  expect(treeOf(partsWith({ snapshot: unknown('no snapshot') }))).toContain('NOT KNOWN: no snapshot');
  expect(treeOf(partsWith({ decisions: unknown('silence') }))).toContain('└─ decisions: NOT KNOWN: silence');
  expect(treeOf(partsWith({ report: unknown('no report') }))).toContain('training: NOT KNOWN: no report');
});

test('a line has at most 100 characters whatever texts say, and nothing that moves a cursor', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', minLength: 90, maxLength: 400 }));
  fc.assert(
    fc.property(text, text, fc.boolean(), (name, why, isKnown) => {
      const decision = { number: 1, at: why, kind: 'approved', model: name, run: name, by: why, why: name } as const;
      const manifest = sampleManifest({ source: { names: [name, why], rows: 1, choice: name } });
      const parts = partsWith({
        model: name,
        run: why,
        version: { known: true, value: { version: name, ref: REF, createdAt: why, manifest } },
        snapshot: isKnown ? { known: true, value: { rows: 1, segments: [REF], actuals: [] } } : { known: false, why },
        uploads: { known: false, why },
        decisions: { known: true, value: { from: 'alias', all: [decision] } },
      });
      for (const line of treeOf(parts).split('\n')) {
        expect([...line].length).toBeLessThanOrEqual(100);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
      }
    }),
    { numRuns: 200 },
  );
});
