import { TuneloopError } from '../errors.ts';
import { ProviderError } from '../providers/provider-error.ts';
import type { Training } from '../providers/training.ts';
import type { ProviderItem } from '../stores/erased-rows.ts';
import { deploymentAliases } from './home-files.ts';
import { rolesOf } from './model-lineage.ts';

export type Connect = (provider: ProviderItem['provider']) => Pick<Training, 'findFile' | 'deleteFile' | 'deleteModel'>;

/** An item that is still at its provider, and the reason. */
export interface LeftAtProvider {
  item: ProviderItem;
  why: string;
}

/** A file may have been uploaded several times under one name; more often than this is no accident. */
const MOST_COPIES = 100;

/**
 * Deletes files and models at their providers. A model that serves, or waits for a decision, stays: deleting it would take
 * away what the application calls.
 *
 * @param onDeleted is told of each item that is not there any more
 * @returns the items that are left
 */
export async function eraseAtProvider(
  home: string,
  items: readonly ProviderItem[],
  connect: Connect,
  onDeleted: (item: ProviderItem) => Promise<void>,
): Promise<LeftAtProvider[]> {
  const left: LeftAtProvider[] = [];
  for (const item of items) {
    const why = (item.kind === 'model' ? await whyKept(home, item.name) : null) ?? (await failureOf(item, connect));
    if (why === null) await onDeleted(item);
    else left.push({ item, why });
  }
  return left;
}

async function whyKept(home: string, model: string): Promise<string | null> {
  for (const { pipeline, alias } of await deploymentAliases(home)) {
    if (!alias.known) return `the alias of ${pipeline} cannot be read, so it may serve: ${alias.why}`;
    const role = rolesOf(alias.value, model).find(({ as }) => as !== 'previous');
    if (role) return `it is the ${role.as} of ${role.deployment}: promote or decide first, then run this again`;
  }
  return null;
}

/** Null once the item is not there any more. */
async function failureOf(item: ProviderItem, connect: Connect): Promise<string | null> {
  try {
    const training = connect(item.provider);
    if (item.kind === 'model') {
      await training.deleteModel(item.name);
      return null;
    }
    for (let copy = 0; copy < MOST_COPIES; copy += 1) {
      const id = await training.findFile(item.name, item.bytes);
      if (id === undefined) return null;
      await training.deleteFile(id);
    }
    return 'the provider lists it again after each deletion';
  } catch (error) {
    if (error instanceof ProviderError || error instanceof TuneloopError) return `${error.code}: ${error.message}`;
    throw error;
  }
}
