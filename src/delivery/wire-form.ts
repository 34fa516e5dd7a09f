import { type BodyHeader, type BodyRecord, buildBody } from './outgoing-body.ts';

/**
 * How a batch is written for its platform. Rendered once, at seal: the bytes and their content type are frozen from then
 * on. The same header and records give the same bytes for ever: no clock, no random part.
 */
export interface WireForm {
  readonly contentType: string;
  readonly render: (header: BodyHeader, records: readonly BodyRecord[]) => Uint8Array | Promise<Uint8Array>;
  /** Whether this form can carry an outbound record (canonical JSON) at all; absent: every one. */
  readonly carries?: (data: string) => boolean;
}

/** The hub's own package (docs/platform-http.md §1): what a platform gets unless its job says otherwise. */
export const PACKAGE_FORM: WireForm = { contentType: 'application/json; charset=utf-8', render: buildBody };
