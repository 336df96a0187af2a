import type { PromptTemplate, TemplateVersion } from '../prompt/prompt-template.ts';
import { isRecord } from '../shared/json-body.ts';
import type { Alias, ServedModel } from './alias.ts';

const FORMAT = 1;

/**
 * Reads an alias. Applications read aliases and install no dependency for it, so the form is checked by hand and not by a
 * schema.
 *
 * @throws Error for an object that is not an alias of a format that this version reads; the message says why.
 */
export function parseAlias(text: string): Alias {
  const value: unknown = JSON.parse(text);
  if (isRecord(value) && typeof value.format === 'number' && value.format > FORMAT) {
    const writer = typeof value.writtenBy === 'string' ? `, version ${value.writtenBy},` : '';
    throw new Error(`it is of format ${value.format}, which a newer Tuneloop${writer} has written`);
  }
  if (isAlias(value)) return value;
  throw new Error('it is not of format 1');
}

function isAlias(value: unknown): value is Alias {
  return (
    isRecord(value) &&
    value.format === FORMAT &&
    typeof value.pipeline === 'string' &&
    (value.task === 'classification' || value.task === 'generation') &&
    Number.isSafeInteger(value.decision) &&
    typeof value.writtenAt === 'string' &&
    (typeof value.provider === 'string' || isRecord(value.provider)) &&
    (value.champion === null || isServedModel(value.champion)) &&
    (value.canary === null ||
      (isRecord(value.canary) && typeof value.canary.share === 'number' && isServedModel(value.canary))) &&
    isRecord(value.original) &&
    isTextOrNull(value.original.model) &&
    isTemplate(value.original.template) &&
    (value.maxOutputTokens === null || typeof value.maxOutputTokens === 'number')
  );
}

function isServedModel(value: unknown): value is ServedModel {
  return (
    isRecord(value) &&
    typeof value.model === 'string' &&
    typeof value.treatment === 'string' &&
    isTemplate(value.template) &&
    (value.labels === null || (Array.isArray(value.labels) && value.labels.every(isText))) &&
    isTextOrNull(value.shutdownDate)
  );
}

function isTemplate(value: unknown): value is PromptTemplate {
  return isRecord(value) && Array.isArray(value.versions) && value.versions.every(isVersion);
}

function isVersion(value: unknown): value is TemplateVersion {
  return (
    isRecord(value) &&
    Array.isArray(value.messages) &&
    value.messages.every(
      (message) =>
        isRecord(message) && isText(message.role) && Array.isArray(message.parts) && message.parts.every(isPart),
    ) &&
    Array.isArray(value.slots) &&
    value.slots.every((slot) => isRecord(slot) && isText(slot.name) && isText(slot.kind))
  );
}

function isPart(value: unknown): boolean {
  return isText(value) || (isRecord(value) && typeof value.slot === 'number');
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTextOrNull(value: unknown): boolean {
  return value === null || isText(value);
}
