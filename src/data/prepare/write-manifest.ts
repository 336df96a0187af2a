import { hash } from 'node:crypto';
import type { PromptTemplate } from '@tuneloop/app/internal/prompt/prompt-template';
import { MANIFEST } from '../../contract/stored/manifest.ts';
import { TEMPLATE } from '../../contract/stored/template.ts';
import { type CutPart, cutPartText } from '../../core/dataset/cut-part.ts';
import type { IssueTable } from '../../core/dataset/issue.ts';
import type { LabelTable, Manifest } from '../../core/dataset/manifest.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';
import { profileOf } from '../../providers/profiles/index.ts';
import type { ArtifactStore } from '../../stores/artifact-store.ts';
import { saveStored } from '../../stores/stored-objects.ts';
import { disagreeingVersions } from '../instructions/version-labels.ts';
import { spellingKey } from '../rows/label-form.ts';
import { suspiciousPairs } from '../rows/label-survey.ts';
import { datasetWarnings } from '../split/manifest.ts';
import type { SideLedger } from '../split/side-ledger.ts';
import type { splitSalt } from '../split/sides.ts';
import { keyLines } from '../split/version-diff.ts';
import type { Placement } from './placement.ts';
import type { PreparedRows } from './prepared-rows.ts';
import { refuseTooFew, refuseTooLarge } from './refusals.ts';
import type { WrittenDataset } from './write-dataset.ts';

/** The results of the steps before. */
export interface ManifestParts {
  pipeline: Pipeline;
  /** See `inputsOf`. */
  inputs: string;
  parent: Manifest['parent'];
  snapshot: ArtifactRef;
  log: { names: string[]; rows: number };
  template: PromptTemplate;
  parts: readonly CutPart[];
  rows: PreparedRows;
  placement: Placement;
  salt: ReturnType<typeof splitSalt>;
  ledger: SideLedger;
  written: WrittenDataset;
  issues: IssueTable;
}

/**
 * Writes the manifest of a dataset version, with the template, the keys and the ledger that it names.
 *
 * @throws TuneloopError TOO_FEW_EXAMPLES, FILE_TOO_LARGE
 */
export async function writeManifest(
  artifacts: ArtifactStore,
  parts: ManifestParts,
): Promise<{ manifest: Manifest; ref: ArtifactRef }> {
  const {
    pipeline,
    inputs,
    parent,
    snapshot,
    log,
    template,
    parts: cutParts,
    rows,
    placement,
    salt,
    ledger,
    written,
    issues,
  } = parts;
  const { limits } = profileOf(pipeline.provider);
  const { examples, files, conflicts } = written;
  const { quarantined } = placement;
  const labels = pipeline.task === 'classification' ? written.labels : null;
  const counts = { train: examples.train.rows, validation: examples.validation.rows, test: examples.test.rows };
  refuseTooFew(counts, log, limits, issues.all());
  refuseTooLarge(files, limits);
  const templateRef = await saveStored(TEMPLATE, artifacts, template);
  const manifest: Manifest = {
    pipeline: pipeline.name,
    inputs,
    parent,
    snapshot,
    source: { names: log.names, rows: log.rows, choice: hash('sha256', JSON.stringify(pipeline.source), 'hex') },
    template: { ref: templateRef, versions: template.versions.length },
    salt: { version: salt.version, sha256: salt.sha256 },
    split: { ...pipeline.split, test: typeof pipeline.split.test === 'number' ? pipeline.split.test : 'file' },
    clean: pipeline.clean,
    counts,
    groups: placement.groups,
    labels,
    verdicts: issues.all(),
    redactions: rows.redactions,
    conflicts,
    quarantined,
    warnings: [
      ...datasetWarnings({ counts, labels, conflicts, quarantined }),
      ...disagreeingVersions(written.versionLabels),
      ...idWarnings(rows),
      ...(labels ? labelWarnings(labels, rows.lost) : []),
      ...cutParts.flatMap(warningOf),
    ],
    examples,
    keys: await artifacts.write(keyLines({ ...rows, ...placement })),
    ledger: await artifacts.write(ledger.lines()),
    files,
    tokens: written.tokens.all(),
  };
  return { manifest, ref: await saveStored(MANIFEST, artifacts, manifest) };
}

/** Of a part that answers may depend on; none where it was cut off and nothing speaks against that. */
function warningOf(part: CutPart): string[] {
  return part.outcome === 'independent' && part.decision === 'cut' ? [] : [cutPartText(part)];
}

const PAIRS_SHOWN = 10;

/** Labels in several spellings, and labels of which no row is left. */
function labelWarnings(labels: LabelTable, lost: PreparedRows['lost']): string[] {
  const rowsOf = new Map(
    Object.entries(labels).map(([label, { train, validation, test }]) => [label, train + validation + test]),
  );
  const pairs = suspiciousPairs(rowsOf).slice(0, PAIRS_SHOWN);
  const spelled = pairs.map(({ labels: [a, b], rows: [most, few] }) => `${a} (${most}) and ${b} (${few})`).join(', ');
  const keys = new Set([...rowsOf.keys()].map(spellingKey));
  const gone = [...lost].filter(([label, count]) => count > 1 && !keys.has(spellingKey(label)));
  return [
    ...(pairs.length > 0
      ? [
          `labels that may be one label in several spellings: ${spelled}; unite them with \`labels\` and its \`aliases\``,
        ]
      : []),
    ...gone
      .sort(([, a], [, b]) => b - a)
      .slice(0, PAIRS_SHOWN)
      .map(
        ([label, count]) =>
          `the label ${label} lost ${count} of ${count} rows through issues: no example of it is left`,
      ),
  ];
}

function idWarnings({ ids, actuals, heldOut }: PreparedRows): string[] {
  const sorted = ids.slice(heldOut).sort();
  let repeated = 0;
  for (let row = 1; row < sorted.length; row += 1) if (sorted[row] === sorted[row - 1]) repeated += 1;
  const unused = actuals.given - actuals.used;
  return [
    ...(repeated > 0 ? [`${repeated} ${repeated === 1 ? 'row has' : 'rows have'} the same id as another one`] : []),
    ...(unused > 0 ? [`${unused} of ${actuals.given} later answers are for ids that the log does not hold`] : []),
  ];
}
