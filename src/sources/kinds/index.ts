import { csv } from './csv.ts';
import { jsonl } from './jsonl.ts';
import { langfuse } from './langfuse.ts';
import { langfuseApi } from './langfuse-api.ts';
import { parquet } from './parquet.ts';
import { postgres } from './postgres.ts';
import { storedCompletions } from './stored-completions.ts';

/** The kinds of source. A kind that is listed here can be named in `source.type`. */
export const SOURCE_KINDS = [jsonl, csv, parquet, postgres, storedCompletions, langfuse, langfuseApi] as const;
