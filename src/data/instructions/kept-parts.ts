import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import {
  type PromptTemplate,
  type StrippedPrompt,
  stripInstructions,
  type TemplateVersion,
} from '@tuneloop/app/internal/prompt/prompt-template';
import type { CutPart } from '../../core/dataset/cut-part.ts';
import { type AnsweredPart, type Dependence, testDependence } from '../dependence/dependence.ts';
import { mergeVersions } from './version-merge.ts';
import { nameVersions } from './version-names.ts';

/** A prompt of the log with its answer. */
export interface AnsweredPrompt {
  messages: Message[];
  answer: string;
}

export interface KeepOptions {
  classification: boolean;
  /** Whether the template may be changed. A given one is as its author wants it, and is only tested. */
  change: boolean;
}

export interface KeptParts {
  template: PromptTemplate;
  /** What would be cut off with the instructions although it changes from prompt to prompt, and what was decided. */
  parts: CutPart[];
}

interface StrippedRow extends StrippedPrompt {
  answer: string;
  messages: Message[];
}

/**
 * Tests, for each part of the prompts that changes and would be cut off (dates, ids, examples, and which version of the prompt was used),
 * whether answers depend on it. Such a part stays in the input: a slot with its label, versions as one with a slot where they differ, or
 * with their name. So does a part of which too few rows are there to decide.
 */
export function keepWhatDecides(
  template: PromptTemplate,
  prompts: readonly AnsweredPrompt[],
  { classification, change }: KeepOptions,
): KeptParts {
  const tests = countTests(template);
  if (tests === 0) return { template, parts: [] };
  const versions = keepVersions(template, prompts, { classification, change, tests });
  const slots = keepSlots(versions.template, prompts, { classification, change, tests });
  return { template: slots.template, parts: [...versions.parts, ...slots.parts] };
}

function countTests({ versions }: PromptTemplate): number {
  const slots = versions.flatMap((version) => version.slots.filter(({ kind }) => kind !== 'input'));
  return slots.length + (versions.length > 1 ? 1 : 0);
}

function keepVersions(
  template: PromptTemplate,
  prompts: readonly AnsweredPrompt[],
  options: KeepOptions & { tests: number },
): KeptParts {
  const { classification, change, tests } = options;
  if (template.versions.length < 2 || template.versions.some(({ name }) => name !== undefined))
    return { template, parts: [] };
  const rows = strippedRows(template, prompts);
  const figure = testDependence(
    rows.map(({ input, version, answer }) => ({ input, answer, value: `${version}` })),
    { kind: 'version', classification, tests },
  );
  const merged = change
    ? mergeVersions(template, prompts, figure.outcome === 'independent' ? 'data' : 'all')
    : undefined;
  const part = { version: null, name: 'which prompt', kind: 'version', ...figure } as const;
  if (merged) {
    const outcome = figure.outcome === 'independent' ? 'unknown' : figure.outcome;
    return { template: merged, parts: [{ ...part, outcome, decision: 'one-version' }] };
  }
  if (figure.outcome === 'independent' || !change) return { template, parts: [{ ...part, decision: 'cut' }] };
  return { template: nameVersions(template), parts: [{ ...part, decision: 'named' }] };
}

function keepSlots(
  template: PromptTemplate,
  prompts: readonly AnsweredPrompt[],
  { classification, change, tests }: KeepOptions & { tests: number },
): KeptParts {
  const dropped = template.versions.flatMap(({ slots }, version) =>
    slots.flatMap(({ name, kind }, slot) => (kind === 'input' ? [] : [{ version, slot, name, kind }])),
  );
  if (dropped.length === 0) return { template, parts: [] };
  const rows = Map.groupBy(strippedRows(template, prompts), ({ version }) => version);
  const parts = dropped.map(({ version, slot, name, kind }) => {
    const figure: Dependence = testDependence(partsOf(rows.get(version) ?? [], slot), { kind, classification, tests });
    const decision = change && figure.outcome !== 'independent' ? ('kept' as const) : ('cut' as const);
    return { slot, part: { version, name, kind, ...figure, decision } };
  });
  const kept = new Set(
    parts.filter(({ part }) => part.decision === 'kept').map(({ slot, part }) => `${part.version} ${slot}`),
  );
  const versions = template.versions.map(
    (version, index): TemplateVersion => ({
      ...version,
      slots: version.slots.map((each, slot) => (kept.has(`${index} ${slot}`) ? { ...each, kind: 'input' } : each)),
    }),
  );
  return { template: kept.size > 0 ? { versions } : template, parts: parts.map(({ part }) => part) };
}

function partsOf(rows: readonly StrippedRow[], slot: number): AnsweredPart[] {
  return rows.map(({ input, slots, answer }) => ({ input, answer, value: slots[slot] ?? '' }));
}

function strippedRows(template: PromptTemplate, prompts: readonly AnsweredPrompt[]): StrippedRow[] {
  return prompts.flatMap(({ messages, answer }) => {
    const stripped = stripInstructions(template, messages);
    return 'mismatch' in stripped ? [] : [{ ...stripped, answer, messages }];
  });
}
