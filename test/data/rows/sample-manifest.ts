import type { Manifest } from '../../../src/core/dataset/manifest.ts';

const ref = (digit: string) => ({ uri: `sha256:${digit.repeat(64)}`, sha256: digit.repeat(64), bytes: 10, rows: 1 });

/** A manifest of made-up figures. */
export function sampleManifest(changes: Partial<Manifest> = {}): Manifest {
  return {
    pipeline: 'support',
    inputs: 'a'.repeat(64),
    parent: null,
    source: { names: ['log.jsonl'], rows: 120, choice: 'b'.repeat(64) },
    snapshot: ref('1'),
    template: { ref: ref('2'), versions: 1 },
    clean: { rows: 'lenient', instructions: 'auto', duplicates: 'exact', redact: ['email'], phone_region: 'US' },
    split: { validation: 0.15, test: 0.15, by: 'hash', seed: 1 },
    salt: { version: 1, sha256: 'c'.repeat(64) },
    counts: { train: 70, validation: 20, test: 10 },
    groups: { all: 95, nearDuplicates: 4 },
    labels: { refund: { train: 40, validation: 12, test: 6 }, billing: { train: 30, validation: 8, test: 4 } },
    verdicts: [
      { verdict: 'exact-duplicate', rows: 18, places: ['log.jsonl:4', 'log.jsonl:9', 'log.jsonl:11', 'log.jsonl:12'] },
      { verdict: 'quarantined', rows: 2, places: ['log.jsonl:50', 'log.jsonl:51'] },
    ],
    redactions: { email: 7 },
    conflicts: { groups: 1, shown: [{ completions: ['refund', 'billing'], places: ['log.jsonl:3', 'log.jsonl:8'] }] },
    quarantined: 2,
    warnings: ['100 examples in all'],
    examples: { train: ref('3'), validation: ref('4'), test: ref('5') },
    files: [{ treatment: 'strip', train: ref('6'), validation: ref('7') }],
    keys: ref('8'),
    ledger: ref('9'),
    tokens: { treated: { strip: { train: 900, request: 12 } }, completion: 1, prompt: 300 },
    ...changes,
  };
}
