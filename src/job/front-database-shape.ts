import { terms, tls } from './platform-terms.ts';
import { optional, required, type Shape, text } from './shape.ts';
import { checked, identifier, integer, object, oneOf, sqlUrl } from './shape-words.ts';

/** `platform: { use: front-database, … }` (FrontDatabaseSpec). */
export const frontDatabase = (hosts: readonly string[]): Shape =>
  object({
    ...terms,
    use: required(oneOf('front-database')),
    url: required(checked(sqlUrl(hosts))),
    client: optional(text),
    tables: required({ is: 'map', of: identifier, min: 1 }),
    ledger: optional(identifier),
    anchor: optional(object({ column: required(identifier) })),
    columns: optional(columns),
    ops: optional(object({ upsert: required(text), withdraw: required(text) })),
    flags: optional(
      object({ waiting: required(text), taken: required(text), accepted: required(text), rejected: required(text) }),
    ),
    tls: optional(tls),
    timeout: optional(integer(1, 29)),
  });

const columns = object({
  batchNo: optional(identifier),
  rowId: optional(identifier),
  op: optional(identifier),
  pushTime: optional(identifier),
  syncFlag: optional(identifier),
  syncTime: optional(identifier),
  errCode: optional(identifier),
  errMsg: optional(identifier),
  recordKey: optional(identifier),
  dataVersion: optional(identifier),
  payloadHash: optional(identifier),
});
