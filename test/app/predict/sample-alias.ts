import type { Alias, ServedModel } from '../../../packages/app/src/predict/alias.ts';
import { parseTemplates } from '../../../src/data/instructions/explicit-template.ts';

/** The prompt that production has used, and how it was worded before. */
export const TEMPLATE = parseTemplates([
  [
    { role: 'developer', content: 'Name the topic: billing, crash or delivery. Say nothing else.' },
    { role: 'user', content: 'Message: {{text}}\nTopic:' },
  ],
  'Sort this message into billing, crash or delivery.\n{{text}}',
]);
export const LABELS = ['billing', 'crash', 'delivery'];

export function servedModel(model: string, changes: Partial<ServedModel> = {}): ServedModel {
  return { model, treatment: 'strip', template: TEMPLATE, labels: LABELS, shutdownDate: null, ...changes };
}

export function sampleAlias(changes: Partial<Alias> = {}): Alias {
  return {
    format: 1,
    pipeline: 'desk',
    task: 'classification',
    decision: 1,
    writtenAt: '2026-11-01T00:00:00.000Z',
    provider: 'local',
    champion: servedModel('ft:champion'),
    canary: null,
    original: { model: 'original', template: TEMPLATE },
    jsonSchema: null,
    maxOutputTokens: null,
    ...changes,
  };
}
