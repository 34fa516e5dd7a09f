import { join } from 'node:path';
import { expect, test } from 'vitest';
import { select } from '../../src/store/database.ts';
import { temporaryFolder } from '../support/databases.ts';
import { good, week } from './week.ts';

test('every dirty record ends as the catalogue says: repaired and kept, or set aside where it should be', async () => {
  const w = await week(`sqlite:${join(temporaryFolder(), 'hub.db')}`);
  good(await w.run());
  const db = await w.open();
  const tickets = await select<{ job: string; fields: string | null }>(
    db,
    "SELECT job, fields FROM quarantine WHERE stage = 'intake'",
  );
  const aside = new Set(
    tickets.flatMap(({ job, fields }) => (fields === null ? [] : `${job}/${idOf(job, JSON.parse(fields))}`)),
  );
  const wrong = w.sandbox
    .expectations()
    .filter(({ stage }) => stage === 'intake')
    .filter(({ kind, rowId, outcome }) => aside.has(`${JOBS[kind]}/${rowId}`) !== (outcome === 'quarantined'));
  expect(wrong.map(({ label, rowId, outcome }) => `${label} ${rowId}: expected ${outcome}`)).toEqual([]);
  const expected = w.sandbox
    .expectations()
    .filter(({ stage, outcome }) => stage === 'outbound' && outcome === 'quarantined').length;
  const noticed = await select<{ id: number; operation: string }>(
    db,
    `SELECT r.id, v.operation FROM records r JOIN versions v ON v.record_id = r.id AND v.version = r.newest_version
     WHERE v.faults LIKE '%PERSONAL_DATA%' ORDER BY r.id`,
  );
  expect(noticed).toHaveLength(expected);
  const shown = noticed.filter(({ operation }) => operation === 'UPSERT').map(({ id }) => ({ record_id: id }));
  const outbound = "SELECT DISTINCT record_id FROM quarantine WHERE stage = 'outbound' ORDER BY record_id";
  expect(await select(db, outbound)).toEqual(shown);
  expect(shown.length).toBeGreaterThan(0);
}, 60_000);

const JOBS = {
  broadcast: 'pull-broadcast-licences',
  publication: 'pull-publication-licences',
  printing: 'pull-printing-licences',
  penalty: 'pull-penalties',
  enterprise: 'pull-enterprises',
} as const;

const IDS: { readonly [job: string]: string } = {
  'pull-broadcast-licences': 'lsh',
  'pull-publication-licences': '档案号',
  'pull-printing-licences': '档案号',
  'pull-penalties': 'id',
  'pull-enterprises': 'entid',
};

const idOf = (job: string, fields: { readonly [name: string]: unknown }): string => String(fields[IDS[job] ?? '']);
