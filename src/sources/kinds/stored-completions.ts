import { TuneloopError } from '../../errors.ts';
import { LazySource } from '../lazy-source.ts';
import { defineSource } from './kind.ts';

/** What the provider of the pipeline keeps of calls with `store: true`. */
export const storedCompletions = defineSource({
  type: 'stored-completions',
  keys: {},
  open(_keys, { provider, filter }) {
    const { profile, storedLog } = provider();
    if (!storedLog) {
      throw new TuneloopError(
        'PIPELINE_INVALID',
        `the provider ${profile.name} keeps no completions: give source another type than stored-completions`,
      );
    }
    return new LazySource(async () => {
      const { StoredCompletionsSource } = await import('../stored-completions.ts');
      return new StoredCompletionsSource(storedLog, filter);
    });
  },
  toErase: () =>
    'the stored completions of the provider were not looked at: delete the row there (DELETE /v1/chat/completions/ID)',
});
