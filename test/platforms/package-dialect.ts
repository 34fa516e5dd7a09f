import type { FarResult, FarRow, FarStore } from './far-store.ts';
import type { Ask, Dialect, Reply } from './http-far-end.ts';

/** docs/platform-http.md, written a second time. */
export const packageDialect: Dialect = {
  isSubmit: ({ method }) => method === 'POST',
  answer: (ask, store) => (ask.method === 'POST' ? submit(ask, store) : status(ask, store)),
};

const reply = (status: number, json: unknown): Reply => ({
  status,
  type: 'application/json',
  body: JSON.stringify(json),
});

function submit({ body }: Ask, store: FarStore): Reply {
  const sent: { header: { packageId: string }; records: FarRow[] } = JSON.parse(body.toString('utf8'));
  const { packageId } = sent.header;
  const rows = sent.records.map(({ rowId, op, data }) => ({ rowId, op, data }));
  if (store.take(packageId, body, rows) === 'other') return reply(422, { resultCode: 'KEY_REUSED' });
  return reply(200, receipt(packageId, store.find(packageId)?.results ?? []));
}

function status({ path }: Ask, store: FarStore): Reply {
  const packageId = path.split('/').at(-1) ?? '';
  const found = store.find(packageId);
  if (found === undefined) return reply(404, { packageId, state: 'absent' });
  return reply(200, { ...receipt(packageId, found.results), state: 'done', bodyDigest: found.digest });
}

const receipt = (packageId: string, results: readonly FarResult[]) => ({
  packageId,
  receiptId: `R-${packageId.slice(0, 12)}`,
  receivedCount: results.length,
  results: results.map(({ rowId, code, reason }) => ({ rowId, resultCode: code, resultMsg: reason })),
});
