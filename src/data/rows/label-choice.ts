import type { RowIssue } from '../../core/dataset/issue.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';
import { bareLabel, spellingKey } from './label-form.ts';

/** The keys of a pipeline that say what in an answer is the label. */
export type LabelKeys = Pick<Pipeline, 'labels' | 'target' | 'multi_label'>;

/** The answer that a model learns, or the issue of one that cannot be learnt. */
export type ChosenAnswer = { answer: string } | { issue: RowIssue };

/** Takes what a pipeline calls the answer out of production's answer: a field of its JSON, a label of a closed list, a set of labels. */
export class LabelChoice {
  readonly #keys: LabelKeys;
  /** The label of each spelling; undefined where the pipeline has no closed list. */
  readonly #labels: ReadonlyMap<string, string> | undefined;

  constructor(keys: LabelKeys) {
    this.#keys = keys;
    this.#labels = keys.labels && spellings(keys.labels);
  }

  choose(completion: string): ChosenAnswer {
    const field = this.#keys.target?.json_field;
    const found = field === undefined ? completion : jsonField(completion, field);
    if (found === undefined) return { issue: 'no-target-field' };
    if (!this.#keys.multi_label) return this.#listed(found);
    const parts = labelsIn(found).map((part) => this.#listed(part));
    const bad = parts.find((part) => 'issue' in part);
    if (bad) return bad;
    // In an order of their own, because the order of several labels says nothing.
    return { answer: [...new Set(parts.flatMap((part) => ('answer' in part ? part.answer : [])))].sort().join(', ') };
  }

  #listed(label: string): ChosenAnswer {
    if (!this.#labels) return { answer: label };
    const listed = this.#labels.get(spellingKey(bareLabel(label)));
    return listed === undefined ? { issue: 'unknown-label' } : { answer: listed };
  }
}

function spellings(labels: NonNullable<Pipeline['labels']>): Map<string, string> {
  return new Map(
    labels.flatMap((label): [string, string][] => {
      if (typeof label === 'string') return [[spellingKey(label), label]];
      return [label.name, ...label.aliases].map((spelling) => [spellingKey(spelling), label.name]);
    }),
  );
}

/** The value of a field of a JSON answer as text; of nested objects by a path with dots. */
function jsonField(completion: string, field: string): string | undefined {
  let value = parsed(bareLabel(completion));
  for (const key of field.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  if (value === null || value === undefined) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The labels of an answer that lists several: a JSON list, or text with commas, semicolons, bars, slashes or line ends between them. */
export function labelsIn(answer: string): string[] {
  const list = parsed(bareLabel(answer));
  if (Array.isArray(list)) return list.map((label) => `${label}`.trim());
  return answer
    .split(/[,;|/\n，、；]+/u)
    .map((label) => bareLabel(label.replace(/^\s*[-*•]\s+/, '')))
    .filter((label) => label !== '');
}
