import type { Pipeline } from '../core/run/pipeline.ts';
import type { JobField, ProviderProfile } from '../providers/profile.ts';
import { isClientDefault } from '../providers/profiles/index.ts';

/** What a provider does otherwise than OpenAI, and what that means for a run; one sentence each. */
export function planNotes(profile: ProviderProfile, { candidates }: Pick<Pipeline, 'candidates'>): string[] {
  const { name, jobs, serving } = profile;
  const notes: string[] = [];
  const stranger = name === 'generic' || (name === 'openai' && !isClientDefault(profile));
  if (profile.closes !== null && !stranger)
    notes.push(`${name} ends its fine-tuning on ${profile.closes}: plan another provider for later runs.`);
  if (stranger) notes.push(whatIsSent(profile));
  if (jobs.learningRate.takes === 'rate') {
    notes.push(`${name} takes learning rates: a multiplier of 1 stands for ${jobs.learningRate.base}.`);
  }
  if (jobs.metrics === 'none' && candidates.early_stop) {
    notes.push(`${name} reports no figures while it trains: no job is stopped early, the sweep trains to the end.`);
  }
  if (serving.start === 'none') {
    notes.push(`${name} trains only: the hours of the endpoint that serves its models are not in this estimate.`);
  }
  const { lease } = serving;
  if (lease) {
    const places = lease.models > 1 ? `up to ${lease.models} models` : 'one model';
    const cost = lease.paidByHour ? 'paid by the hour' : 'paid by their tokens';
    notes.push(`Models are served by leases of ${places} each, ${cost}, at most ${lease.atOnce} at the same time.`);
  }
  return notes;
}

/** A server that takes a field in silence and does not know it trains something else than what was asked for. */
function whatIsSent({ name, jobs: { refusedFields } }: ProviderProfile): string {
  const optional: readonly JobField[] = ['seed', 'suffix', 'metadata', 'validation_file'];
  const sent = optional.filter((field) => !refusedFields.includes(field));
  return (
    `The profile ${name} sends learning_rate_multiplier, n_epochs, batch_size where it is given, ${sent.join(', ')}; ` +
    'a server that ignores one of these trains something else.'
  );
}
