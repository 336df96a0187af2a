import { TuneloopError } from '../errors.ts';
import type { Model } from '../providers/inference.ts';
import { modelId, type ProviderProfile } from '../providers/profile.ts';

/** A model that will be switched off within this time causes a warning. */
const SHUTDOWN_WARNING_DAYS = 90;
const DAY_MS = 86_400_000;

/**
 * Makes sure that the provider has the models of a run, and has them for some time yet.
 *
 * @param offered its own list; null where it could not be asked: then the catalogue of the profile says what is known
 * @returns warnings
 * @throws TuneloopError PROVIDER_REFUSED for models that it does not have, or has switched off
 */
export function checkModels(
  wanted: { candidates: readonly string[]; asked: readonly string[] },
  offered: readonly Model[] | null,
  profile: ProviderProfile,
): string[] {
  const names = [...new Set([...wanted.candidates, ...wanted.asked])];
  const notes = profile.models.flatMap(({ name, id, note }) =>
    note !== undefined && (wanted.candidates.includes(name) || wanted.candidates.includes(id))
      ? [`${name} at ${profile.name}: ${note}.`]
      : [],
  );
  if (!offered) return [...strangers([...new Set(wanted.candidates)], profile), ...notes];
  const ids = names.map((model) => modelId(profile, model));
  refuseMissingModels(ids, offered, profile);
  return [...shutdowns(ids, offered, new Date()), ...notes];
}

/** A catalogue of ours may be older than the provider's list: a model that is not in it is no error. */
function strangers(wanted: readonly string[], { name, models }: ProviderProfile): string[] {
  if (models.length === 0) return [];
  const unknown = wanted.filter((model) => !models.some((known) => known.name === model || known.id === model));
  if (unknown.length === 0) return [];
  const known = models.map((model) => model.name).join(', ');
  return [
    `The catalogue of ${name} has no ${unknown.join(', ')}; it has ${known}. The provider itself is asked when a run starts.`,
  ];
}

function refuseMissingModels(
  wanted: readonly string[],
  offered: readonly Model[],
  { ids: { tunedModel } }: Pick<ProviderProfile, 'ids'>,
): void {
  const missing = wanted.filter((model) => !offered.some(({ id }) => id === model));
  if (missing.length === 0) return;
  const some = offered.map(({ id }) => id).filter((id) => !tunedModel.test(id));
  throw new TuneloopError(
    'PROVIDER_REFUSED',
    `the provider has no model ${missing.join(', ')}; it offers ${some.slice(0, 20).join(', ')}`,
  );
}

/** Warnings about models that will be switched off. @throws TuneloopError for models that already are. */
function shutdowns(wanted: readonly string[], offered: readonly Model[], now: Date): string[] {
  return offered.flatMap(({ id, shutdownDate }) => {
    if (!shutdownDate || !wanted.includes(id)) return [];
    const day = shutdownDate.toISOString().slice(0, 10);
    if (shutdownDate <= now) {
      throw new TuneloopError(
        'PROVIDER_REFUSED',
        `the provider has switched ${id} off on ${day}: choose another model`,
      );
    }
    const days = Math.ceil((shutdownDate.getTime() - now.getTime()) / DAY_MS);
    return days <= SHUTDOWN_WARNING_DAYS ? [`The provider switches ${id} off on ${day}, in ${days} days.`] : [];
  });
}
