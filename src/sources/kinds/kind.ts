import { z } from 'zod';
import type { RowFilter } from '../../core/run/source-choice.ts';
import type { Provider } from '../../providers/provider.ts';
import type { RowOptions } from '../rows/row-options.ts';
import type { Source } from '../source.ts';
import { COMMON_KEYS } from './keys.ts';

export interface SourceDependencies {
  /** Asked for only where the source lies with the provider. */
  provider(): Pick<Provider, 'profile' | 'storedLog'>;
  env?: NodeJS.ProcessEnv;
}

/** What every kind is opened with. */
export interface OpenOptions extends SourceDependencies {
  filter: RowFilter;
  /** The settings of rows that the keys of the pipeline name, for sources that are made of files. */
  rows: RowOptions;
}

interface SourceDefinition<Type extends string, Keys extends z.ZodRawShape> {
  /** What pipelines call it. */
  type: Type;
  /** The keys of `source` in a pipeline file, beside `type`, `filter` and `actuals`. A key `path` is a file or a glob. */
  keys: Keys;
  /**
   * Opens the source; nothing is read yet. It need not filter: `options.filter` is for a source that can spare itself work.
   *
   * @param keys checked; `path` is absolute.
   * @throws TuneloopError ENVIRONMENT_INVALID where a variable that it needs is missing.
   */
  open(keys: z.output<z.ZodObject<Keys>>, options: OpenOptions): Source;
  /** For a source without `path`: where a person erases a row, because `tuneloop forget` searches files only. */
  toErase?(keys: z.output<z.ZodObject<Keys>>): string;
}

/** A kind of source with the schema of its keys in a pipeline file. */
export function defineSource<Type extends string, Keys extends z.ZodRawShape>({
  type,
  keys,
  open,
  toErase,
}: SourceDefinition<Type, Keys>) {
  const own = z.object(keys);
  return {
    type,
    schema: z.strictObject({ type: z.literal(type), ...keys, ...COMMON_KEYS }),
    /** @param choice what `schema` has given. */
    open: (choice: object, options: OpenOptions): Source => open(own.parse(choice), options),
    /** @param choice what `schema` has given. */
    toErase: (choice: object): string | null => toErase?.(own.parse(choice)) ?? null,
  };
}
