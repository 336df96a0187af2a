import type { Decision } from '../core/deployment/deployment.ts';
import type { Comparison } from '../core/evaluation/comparison.ts';
import { settingTexts } from '../core/run/hyperparameters.ts';
import type { Judged } from '../core/run/run-result.ts';
import {
  durationText,
  millisecondsText,
  percentText,
  plainLine,
  pValueText,
  scoreText,
  signedPoints,
  usdText,
} from '../core/text/format.ts';
import type {
  DatasetLineage,
  DatasetStep,
  Decisions,
  Evaluation,
  Lineage,
  Part,
  StoredArtifact,
  Training,
} from './model-lineage.ts';

/** A line of the tree with its children. */
interface TreeNode {
  text: string;
  children: TreeNode[];
}

const COLUMNS = 100;
const HASH_DIGITS = 16;
const NAMES_SHOWN = 10;

/** The story of a model as a tree, from its sources down to the decisions; fits 100 columns. */
export function lineageTree(lineage: Lineage): string {
  const { model, contender, run, serves, definition, dataset, training, evaluation, decisions } = lineage;
  const roles = serves.map(({ deployment, as }) => `${as} of ${deployment}`);
  const root = node(`${model ?? `${contender} (no model)`}${roles.length > 0 ? `: ${roles.join(', ')}` : ''}`, [
    node(`run ${run}`, [
      node(`contender ${contender}`),
      ...(definition ? [artifactNode('pipeline as it was then', definition)] : []),
    ]),
    partNode('dataset version', dataset, datasetNode),
    partNode('training', training, trainingNode),
    partNode('evaluation', evaluation, evaluationNode),
    partNode('decisions', decisions, decisionsNode),
  ]);
  return [...wrapped(root.text, COLUMNS), ...drawn(root.children, '')].join('\n');
}

function datasetNode(dataset: DatasetLineage): TreeNode {
  const { source, snapshot, snapshotArtifact, template, examples, keys, ledger, parents, dropped } = dataset;
  const names = source.names.slice(0, NAMES_SHOWN).map((name) => node(name));
  const more = source.names.length - names.length;
  const segments = snapshot.known
    ? [
        ...snapshot.value.segments.map((segment) => artifactNode('segment', segment)),
        ...snapshot.value.actuals.map((answers) => artifactNode('later answers', answers)),
      ]
    : [node(`its contents: NOT KNOWN: ${snapshot.why}`)];
  return node(`dataset version ${stepText(dataset)}, ${dropped} rows left out`, [
    artifactNode('manifest', dataset.manifest),
    node(`source: ${source.rows} rows`, [...names, ...(more > 0 ? [node(`and ${more} more`)] : [])]),
    node(artifactText('snapshot', snapshotArtifact), segments),
    artifactNode('instructions', template),
    artifactNode('examples to train on', examples.train),
    artifactNode('examples to choose by', examples.validation),
    artifactNode('examples to judge by', examples.test),
    artifactNode('keys of inputs', keys),
    artifactNode('ledger of sides', ledger),
    ...(parents.length > 0
      ? [
          node(
            'built on',
            parents.map((parent) =>
              parent.known
                ? node(stepText(parent.value), [artifactNode('manifest', parent.value.manifest)])
                : node(`NOT KNOWN: ${parent.why}`),
            ),
          ),
        ]
      : []),
  ]);
}

function stepText({ version, createdAt, counts: { train, validation, test } }: DatasetStep): string {
  return `${version} of ${timeText(createdAt)}: ${train} + ${validation} + ${test} examples`;
}

function trainingNode(training: Training): TreeNode {
  const { baseModel, hyperparameters, treatment, checkpoint, half, files, uploads, jobId, status } = training;
  const settings = [...settingTexts(hyperparameters), `prompts: ${treatment}`, ...(half ? ['half of the rows'] : [])];
  const took = [
    status,
    ...(training.epochs === null ? [] : [`${training.epochs} epochs`]),
    ...(training.seconds === null ? [] : [durationText(training.seconds)]),
    ...(training.usd === null ? [] : [usdText(training.usd)]),
  ];
  return node(`training of ${baseModel}: ${settings.join(', ')}`, [
    ...(files
      ? [
          node(artifactText('training file', files.train), [uploadNode('trainingFile', training)]),
          node(artifactText('validation file', files.validation), [uploadNode('validationFile', training)]),
        ]
      : [node(`training files: NOT KNOWN${uploads.known ? `; uploaded as ${uploads.value.trainingFile}` : ''}`)]),
    node(jobId === null ? 'no job was made' : `job ${jobId}: ${took.join(', ')}`),
    ...(checkpoint === null ? [] : [node(`the model is that after epoch ${checkpoint}`)]),
  ]);
}

function uploadNode(file: 'trainingFile' | 'validationFile', { files, uploads, half }: Training): TreeNode {
  const role = file === 'trainingFile' ? 'train' : 'validation';
  const sha256 = (role === 'train' ? files?.train : files?.validation)?.sha256 ?? '';
  const name = half && role === 'train' ? 'half of it' : `${role}-${sha256.slice(0, HASH_DIGITS)}….jsonl`;
  const id = uploads.known ? uploads.value[file] : `id NOT KNOWN: ${uploads.why}`;
  return node(`uploaded: ${name}, ${id}`);
}

function evaluationNode(evaluation: Evaluation): TreeNode {
  const { metric, validation, judgedOn, isWinner, winnerReason, reasonAgainst, contenders, optimism } = evaluation;
  const chosen = validation
    ? `validation: ${scoreText(validation.score, validation.interval)} over ${validation.n} rows`
    : 'validation: not measured';
  const won = isWinner ? [node(`chosen of ${contenders}: ${winnerReason ?? 'no reason is kept'}`)] : [];
  const against = reasonAgainst === null ? [] : [node(`not chosen: ${reasonAgainst}`)];
  return node(`evaluation by ${metric}, report of ${timeText(evaluation.createdAt)}`, [
    node(chosen, [...won, ...against]),
    ...(isWinner && optimism !== null
      ? [node(`the choice overstates the best of several by ${signedPoints(optimism)} points`)]
      : []),
    ...(isWinner ? judgedNodes(evaluation) : []),
    node(`report: ${evaluation.reportPath}`),
    ...(isWinner ? [] : [node(`judged on the ${judgedOn} rows: another contender of its run`)]),
  ]);
}

function judgedNodes(evaluation: Evaluation): TreeNode[] {
  const { judgedOn, winnerJudged, baseline, comparison, champion, recommendation, reason, promotion } = evaluation;
  const against = (what: string, found: Comparison | null) => (found ? [comparisonNode(what, found)] : []);
  return [
    node(`judged on the ${judgedOn} rows`, [
      ...(winnerJudged ? [node(`winner: ${judgedText(winnerJudged)}`)] : []),
      node(`original prompt, ${baseline.kind}: ${judgedText(baseline)}`),
      ...against('the original prompt', comparison),
      ...(champion
        ? [node(`champion then: ${champion.model}${champion.failure === null ? '' : `: ${champion.failure}`}`)]
        : []),
      ...against('the champion', champion?.comparison ?? null),
    ]),
    node(`recommendation: ${recommendation}. ${reason}`),
    node(`${promotion.promote ? 'to be promoted' : 'not to be promoted'}: ${promotion.why}`),
  ];
}

function comparisonNode(what: string, comparison: Comparison): TreeNode {
  const { verdict, difference, interval, n, pValue, test, gained, lost } = comparison;
  const range = `${signedPoints(interval.low)} to ${signedPoints(interval.high)}`;
  return node(
    `against ${what}: ${verdict}, ${signedPoints(difference)} points (95 % interval ${range}), p ${pValueText(pValue)} ` +
      `(${test}), ${gained} rows gained and ${lost} lost of ${n}`,
  );
}

function judgedText({ model, score, scoreInterval, n, costPer1kUsd, p95Ms, invalid }: Judged): string {
  return [
    ...(model === null ? [] : [model]),
    score === null ? 'no score' : `${scoreText(score, scoreInterval)} over ${n} rows`,
    ...(costPer1kUsd === null ? [] : [`${usdText(costPer1kUsd)} per 1,000`]),
    ...(p95Ms === null ? [] : [`p95 ${millisecondsText(p95Ms)}`]),
    ...(invalid === null ? [] : [`${percentText(invalid)} invalid`]),
  ].join(', ');
}

function decisionsNode({ from, about }: Decisions): TreeNode {
  const source = from === 'alias' ? ', as the newest alias has them: the deployment did not answer' : '';
  return node(about.length === 0 ? `decisions: none about it${source}` : `decisions${source}`, about.map(decisionNode));
}

function decisionNode({ number, at, kind, by, why }: Decision): TreeNode {
  return node(`${number}  ${timeText(at)}  ${kind} by ${by}: ${why}`);
}

function partNode<T>(what: string, part: Part<T>, nodeOf: (value: T) => TreeNode): TreeNode {
  return part.known ? nodeOf(part.value) : node(`${what}: NOT KNOWN: ${part.why}`);
}

function artifactNode(what: string, artifact: StoredArtifact): TreeNode {
  return node(artifactText(what, artifact));
}

function artifactText(what: string, { sha256, rows, state }: StoredArtifact): string {
  const shown = state === 'there' || state === 'intact' ? state : state.toUpperCase();
  return `${what}: ${rows} ${rows === 1 ? 'line' : 'lines'}, sha256 ${sha256.slice(0, HASH_DIGITS)}, ${shown}`;
}

function timeText(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}

function node(text: string, children: TreeNode[] = []): TreeNode {
  return { text: plainLine(text), children };
}

function drawn(nodes: readonly TreeNode[], indent: string): string[] {
  return nodes.flatMap(({ text, children }, index) => {
    const isLast = index === nodes.length - 1;
    const below = `${indent}${isLast ? '   ' : '│  '}`;
    const beside = `${below}${children.length > 0 ? '│  ' : '   '}`;
    const [first = '', ...rest] = wrapped(text, COLUMNS - beside.length);
    return [
      `${indent}${isLast ? '└─ ' : '├─ '}${first}`,
      ...rest.map((line) => `${beside}${line}`),
      ...drawn(children, below),
    ];
  });
}

/** Lines of at most this many characters, cut between words where there are any. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((each) => pieces(each, width))) {
    if (line !== '' && lengthOf(line) + 1 + lengthOf(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Cut by code points, so that no surrogate pair is cut in two. */
function pieces(word: string, width: number): string[] {
  const points = [...word];
  if (points.length <= width) return [word];
  const count = Math.ceil(points.length / width);
  return Array.from({ length: count }, (_, index) => points.slice(index * width, (index + 1) * width).join(''));
}

function lengthOf(text: string): number {
  return [...text].length;
}
