import type { Source, SourceSpec } from '../source.ts';
import { openFiles } from './files.ts';
import { openHttp } from './http.ts';
import type { OpenOptions } from './open.ts';
import { openSql } from './sql.ts';

export type { ConfirmFile, OpenOptions } from './open.ts';

type Opener<U extends SourceSpec['use']> = (
  spec: Extract<SourceSpec, { use: U }>,
  options: OpenOptions,
) => Promise<Source>;

const open = { http: openHttp, sql: openSql, files: openFiles } satisfies { [U in SourceSpec['use']]: Opener<U> };

/**
 * Opens a bureau for reading. Throws HubError (`SOURCE_…`) when the spec cannot work: unknown table, missing folder,
 * a host that is not allowed. Close it when the run ends.
 */
export const openSource = (spec: SourceSpec, options: OpenOptions): Promise<Source> =>
  (open[spec.use] as (spec: SourceSpec, options: OpenOptions) => Promise<Source>)(spec, options);
