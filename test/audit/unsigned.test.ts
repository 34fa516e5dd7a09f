import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type ExportContext, exportPack } from '../../src/audit/export-pack.ts';
import type { PackScope } from '../../src/audit/pack-scope.ts';
import type { NoteSigner } from '../../src/evidence/note.ts';
import { restartLog } from '../../src/evidence/restart-log.ts';
import { createKeyFile } from '../../src/evidence/signer-files.ts';
import type { Hub } from '../../src/hub-context.ts';
import type { JsonObject } from '../../src/json.ts';
import { inTransaction } from '../../src/store/database.ts';
import { appendLog } from '../../src/store/log.ts';
import { listBatches } from '../../src/store/outbox.ts';
import { openBench } from '../periods/bench.ts';
import { databases, temporaryFolder } from '../support/databases.ts';
import { row } from '../support/hub.ts';
import { logged } from '../support/logged.ts';
import { verifiers } from '../support/verifiers.ts';
import { type Bench, bench, rows } from './bench.ts';
import { type Forgery, forge } from './forge.ts';
import { ORIGIN, signHead, testSigner } from './signed.ts';

/** What somebody can do to a pack without the key: everything in it that nobody signed, and files left out. */

const AUDIT = join(import.meta.dirname, '../../src/audit');
const NOW = '2026-12-05T00:00:00Z';
const PERIOD = '2026-W49';
const work = mkdtempSync(join(tmpdir(), 'hub-unsigned-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const contextOf = ({ db, settings: { hubId }, now }: Hub, waitMs = 0): ExportContext => {
  const signal = new AbortController().signal;
  return { db, hubId, timezone: 'Asia/Shanghai', actor: 'user:auditor', now, signal, waitMs };
};
const exportOf = async (hub: Hub, scope: PackScope, name: string): Promise<string> =>
  (await exportPack(scope, join(work, name), contextOf(hub))).out;
const verify = (pack: string, keys = [testSigner().vkey], now = NOW) =>
  Promise.all(
    verifiers.map(async ({ name, run }) => {
      const args = [...keys.flatMap((key) => ['--key', key]), '--no-seen', '--now', now];
      return { name, ...(await run(pack, args)) };
    }),
  );
const sqlite = async (): Promise<string> => (await databases[0]?.url()) ?? '';

/** A Friday with a batch that was halved, a rejection, and a request that a second person granted. */
async function friday(): Promise<Hub> {
  const b = await openBench(await sqlite(), { script: [{ status: 400 }, 'reject-first'] });
  const { hub } = b;
  await b.take('2026-12-03T02:00:00Z', ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((n) => row(n)));
  await b.ring('2026-12-04T01:00:00Z');
  await b.ring('2026-12-04T02:00:00Z');
  const at = hub.now().toISOString();
  const request = { kind: 'resync', digest: Buffer.alloc(32), detail: '{}', state: 'approved', reason: '重报' };
  const [id] = await hub
    .db('requests')
    .insert({ ...request, asked_by: 'user:one', asked_at: at, expires_at: at, decided_by: 'user:two', decided_at: at });
  const detail = { request: Number(id), kind: 'resync' };
  await inTransaction(hub.db, (tx) =>
    appendLog(tx, hub.now(), [
      { actor: 'user:one', action: 'approval.asked', detail },
      { actor: 'user:two', action: 'approval.denied', detail: { request: 999, code: 'APPROVAL_UNKNOWN' } },
      { actor: 'user:two', action: 'approval.approved', detail },
      { actor: 'hub', action: 'run.ended', detail: {} },
    ]),
  );
  // The hub of this bench signed with a key of its own meanwhile.
  await hub.db('checkpoints').delete();
  await signHead(hub.db);
  return hub;
}

interface Packs {
  readonly log: string;
  readonly period: string;
  readonly zip: string;
  readonly record: string;
  readonly batch: string;
  readonly enterprise: string;
}

let made: Promise<Packs> | undefined;
const packs = (): Promise<Packs> => {
  made ??= makePacks();
  return made;
};

async function makePacks(): Promise<Packs> {
  const hub = await friday();
  const take = (scope: PackScope, name: string): Promise<string> => exportOf(hub, scope, name);
  return {
    log: await take({ kind: 'log', value: '' }, 'log'),
    period: await take({ kind: 'period', value: PERIOD, platform: 'credit-sharing' }, 'period'),
    zip: await take({ kind: 'period', value: PERIOD }, 'period.zip'),
    record: await take({ kind: 'record', value: '（桂）印证字第450000001号' }, 'record'),
    batch: await take({ kind: 'batch', value: (await listBatches(hub.db))[0]?.id.slice(0, 8) ?? '' }, 'batch'),
    enterprise: await take({ kind: 'enterprise', value: '91450100MA5KA0017F' }, 'enterprise'),
  };
}

const manifestOf = (pack: Forgery): { readonly batches: string[] } =>
  JSON.parse(readFileSync(pack.path('manifest.json'), 'utf8'));
const manifest = (change: JsonObject) => (pack: Forgery) =>
  pack.json('manifest.json', (told: object) => ({ ...told, ...change }));
const approvals = (edit: (request: JsonObject) => JsonObject) => (pack: Forgery) =>
  pack.json('approvals.json', (all: JsonObject[]) => all.map(edit));
const receipt = (change: JsonObject) => (pack: Forgery) => {
  const name = pack.names().find((path) => /\/receipts\/1\.json$/.test(path)) ?? '';
  pack.json(name, (told: object) => ({ ...told, ...change }));
};

/** The report as it counts without some batches. */
const recounted = (pack: Forgery): void => {
  const members: { [state: string]: number } = {};
  for (const name of pack.names().filter((path) => path.endsWith('/verdicts.json')))
    for (const { state } of JSON.parse(pack.read(name).toString()) as { state: string }[])
      if (state !== 'split') members[state] = (members[state] ?? 0) + 1;
  pack.json('report.json', () => ({ members: { 'credit-sharing': members } }));
};

/** The batch with a rejection in it, as somebody would like it never to have been. */
const withoutRejected = (pack: Forgery, listed: 'listed' | 'unlisted'): void => {
  const name = pack
    .names()
    .find((path) => path.endsWith('/verdicts.json') && /"rejected"/.test(pack.read(path).toString()));
  const id = /^batches\/([a-z2-7]{40})\//.exec(name ?? '')?.[1] ?? '';
  pack.drop(`batches/${id}`);
  recounted(pack);
  if (listed === 'unlisted')
    pack.json('manifest.json', (told: { batches: string[] }) => ({
      ...told,
      batches: told.batches.filter((one) => one !== id),
    }));
};

interface Tampering {
  readonly what: string;
  readonly code: number;
  readonly where: RegExp;
  readonly said: RegExp;
  readonly do: (pack: Forgery) => void;
  readonly of?: keyof Packs;
}

const tamperings: readonly Tampering[] = [
  {
    what: 'a batch left out, in the list too, and the report counted without it',
    ...{ code: 12, where: /^batches\/[a-z2-7]{40}\/$/, said: /\d+/ },
    do: (p) => withoutRejected(p, 'unlisted'),
  },
  {
    what: 'a batch left out that is still listed',
    ...{ code: 12, where: /^batches\/[a-z2-7]{40}\//, said: /missing/ },
    do: (p) => withoutRejected(p, 'listed'),
  },
  {
    what: 'a pruning that never was',
    ...{ code: 12, where: /./, said: /256/ },
    do: manifest({ minimumIndex: 256 }),
  },
  {
    what: 'a restart that never was',
    ...{ code: 12, where: /./, said: /log\.restarted/ },
    do: manifest({ number: 2 }),
  },
  {
    what: 'another number than the signed origin has',
    ...{ code: 15, where: /manifest\.json/, said: /2/, of: 'period' },
    do: manifest({ number: 2 }),
  },
  {
    what: 'another approver',
    ...{ code: 15, where: /approvals\.json/, said: /user:two/ },
    do: approvals((one) => ({ ...one, decidedBy: 'user:three' })),
  },
  {
    what: 'an approval by nobody',
    ...{ code: 15, where: /approvals\.json/, said: /user:two/ },
    do: approvals((one) => ({ ...one, decidedBy: null })),
  },
  {
    what: 'another applicant',
    ...{ code: 15, where: /approvals\.json/, said: /user:one/ },
    do: approvals((one) => ({ ...one, askedBy: 'user:three' })),
  },
  {
    what: 'a yes that became a no',
    ...{ code: 15, where: /approvals\.json/, said: /refused/ },
    do: approvals((one) => ({ ...one, state: 'refused' })),
  },
  {
    what: 'no approvals at all',
    ...{ code: 15, where: /approvals\.json/, said: /entry \d+/ },
    do: (p) => p.json('approvals.json', () => []),
  },
  {
    what: 'an approval whose asking is not named',
    ...{ code: 15, where: /approvals\.json/, said: /entry \d+/ },
    do: approvals((one) => ({ ...one, entries: (one['entries'] as number[]).slice(1) })),
  },
  {
    what: 'another receipt number',
    ...{ code: 15, where: /\/receipts\/1\.json$|\/receipts\/1$/, said: /R-0815/ },
    do: receipt({ receiptId: 'R-0815' }),
  },
  {
    what: 'a receipt that came two hours earlier',
    ...{ code: 15, where: /\/receipts\/1\.json$|\/receipts\/1$/, said: /2026-12-03T23:00:00\.000Z/ },
    do: receipt({ receivedAt: '2026-12-03T23:00:00.000Z' }),
  },
  {
    what: 'a receipt at no time',
    ...{ code: 15, where: /\/receipts\/1\.json$|\/receipts\/1$/, said: /./ },
    do: receipt({ receivedAt: 'early' }),
  },
  {
    what: 'the label of another period',
    ...{ code: 15, where: /manifest\.json|^entry|^batches/, said: /2026-W48/, of: 'period' },
    do: manifest({ scope: { kind: 'period', value: '2026-W48' } }),
  },
  {
    what: 'the label of another batch',
    ...{ code: 15, where: /manifest\.json/, said: /aaaaaaaa/, of: 'batch' },
    do: manifest({ scope: { kind: 'batch', value: 'aaaaaaaa' } }),
  },
  {
    what: 'a scope that does not exist',
    ...{ code: 15, where: /manifest\.json/, said: /everything/, of: 'period' },
    do: manifest({ scope: { kind: 'everything', value: '' } }),
  },
  {
    what: 'a whole log that calls itself a period',
    ...{ code: 15, where: /manifest\.json/, said: /complete/ },
    do: manifest({ scope: { kind: 'period', value: PERIOD } }),
  },
  {
    what: 'a part that calls itself complete',
    ...{ code: 15, where: /manifest\.json/, said: /complete/, of: 'period' },
    do: manifest({ complete: true }),
  },
  {
    what: 'a whole log that does not say that it is complete',
    ...{ code: 15, where: /manifest\.json/, said: /complete/ },
    do: manifest({ complete: false }),
  },
];

describe('a pack in which only what nobody signed was changed', () => {
  test.each(tamperings)('$what: exit $code from both', { timeout: 30_000 }, async (tampering) => {
    const all = await packs();
    const pack = forge(all[tampering.of ?? 'log'], join(mkdtempSync(join(work, 'forged-')), 'pack'));
    tampering.do(pack);
    pack.cover();
    for (const { name, code, findings } of await verify(pack.folder)) {
      expect({ name, code, findings: findings.slice(0, 5) }).toMatchObject({ name, code: tampering.code });
      const told = findings.filter((one) => one.code === tampering.code && tampering.where.test(one.where));
      expect(told.map(({ said }) => said).join('\n'), name).toMatch(tampering.said);
    }
  });

  test('requests and salts left out everywhere: each batch is named as one that the pack says nothing of', async () => {
    const pack = forge((await packs()).log, join(mkdtempSync(join(work, 'forged-')), 'pack'));
    for (const name of pack.names()) if (/^batches\/[^/]+\/(?:request|salt|package)$/.test(name)) pack.drop(name);
    pack.cover();
    const { batches } = manifestOf(pack);
    expect(batches.length).toBeGreaterThan(2);
    for (const { name, code, summary } of await verify(pack.folder)) {
      expect({ name, code }).toEqual({ name, code: 0 });
      expect([...(summary['undisclosedBatches'] as string[])].toSorted(), name).toEqual(batches.toSorted());
    }
  });
});

describe('an honest pack', () => {
  test('of every scope verifies, with a halved batch and a rejection in it, and says what it is about', async () => {
    const all = await packs();
    for (const [kind, pack] of Object.entries(all))
      for (const { name, code, findings, summary } of await verify(pack)) {
        expect({ kind, name, code, findings }).toEqual({ kind, name, code: 0, findings: [] });
        expect(JSON.stringify(summary['scope']), name).toContain(kind === 'zip' ? PERIOD : kind);
      }
    const told = forge(all.period, join(work, 'look'));
    expect(told.names().some((name) => name.endsWith('verdicts.json') && /"split"/.test(`${told.read(name)}`))).toBe(
      true,
    );
  });

  test('is told of for people: its scope, what it does not disclose, and nothing that has no value', async () => {
    const { record, enterprise } = await packs();
    for (const pack of [record, enterprise]) {
      const args = [pack, '--key', testSigner().vkey, '--no-seen', '--now', NOW];
      const { status, stdout } = spawnSync(process.execPath, [join(AUDIT, 'verify.mjs'), ...args], {
        encoding: 'utf8',
      });
      expect(status).toBe(0);
      expect(stdout).toMatch(/^ {2}scope: (?:record|enterprise) \S+（/m);
      expect(stdout).not.toMatch(/undefined|null|\[object/);
    }
  });

  test('with an erased body verifies and names the batch', async () => {
    const b = await bench(await sqlite());
    await b.take(...rows(1, 3));
    await b.push();
    await signHead(b.hub.db);
    await b.hub.db('log_payloads').delete();
    const pack = await exportOf(b.hub, { kind: 'log', value: '' }, 'erased');
    const [batch] = await listBatches(b.hub.db);
    for (const { name, code, findings, summary } of await verify(pack)) {
      expect({ name, code, findings }).toEqual({ name, code: 0, findings: [] });
      expect(summary['undisclosedBatches'], name).toEqual([batch?.id]);
    }
  });

  test('of a Friday on which nothing was new verifies: the empty package has its period for a name', async () => {
    const b = await openBench(await sqlite(), { platform: { nil: 'message' } });
    await b.ring('2026-12-04T01:00:00Z');
    await b.ring('2026-12-04T02:00:00Z');
    await b.hub.db('checkpoints').delete();
    await signHead(b.hub.db);
    const pack = await exportOf(b.hub, { kind: 'period', value: PERIOD }, 'nil');
    for (const { name, code, findings, summary } of await verify(pack))
      expect({ name, code, findings, batches: summary['batches'] }).toEqual({
        name,
        code: 0,
        findings: [],
        batches: 1,
      });
  });

  test('of the whole log has the batch too that was sealed while the signer was waited for', async () => {
    const b = await bench(await sqlite());
    await b.take(...rows(1, 3));
    await b.push();
    const waiting = exportPack({ kind: 'log', value: '' }, join(work, 'meanwhile'), contextOf(b.hub, 60_000));
    await expect
      .poll(async () => (await logged(b.hub.db)).map(({ action }) => action), { timeout: 20_000 })
      .toContain('log.exported');
    await b.take(...rows(4, 6));
    await b.push();
    await signHead(b.hub.db);
    for (const { name, code, findings, summary } of await verify((await waiting).out))
      expect({ name, code, findings, batches: summary['batches'] }).toEqual({
        name,
        code: 0,
        findings: [],
        batches: 2,
      });
  });

  /** A log that was begun anew after its first batch. */
  async function restarted(): Promise<{ readonly b: Bench; readonly keys: string[]; readonly signer: NoteSigner }> {
    const b = await bench(await sqlite());
    await b.take(...rows(1, 3));
    await b.push();
    const path = join(temporaryFolder(), 'signer.key');
    const first = createKeyFile(path, ORIGIN);
    await signHead(b.hub.db, first);
    const fresh = await restartLog(b.hub.db, path, { by: 'shell:test', reason: '恢复备份', now: b.hub.now() });
    await b.take(...rows(4, 6));
    await b.push();
    await signHead(b.hub.db, fresh);
    return { b, keys: [first.vkey, fresh.vkey], signer: fresh };
  }

  test('of a restarted log verifies, the whole of it and a part; without its entry 0 it does not', async () => {
    const { b, keys } = await restarted();
    const now = b.hub.now().toISOString();
    const whole = await exportOf(b.hub, { kind: 'log', value: '' }, 'restarted');
    const [newest] = (await listBatches(b.hub.db)).toSorted((one, two) => two.seq - one.seq);
    const part = await exportOf(b.hub, { kind: 'batch', value: newest?.id ?? '' }, 'restarted-part');
    for (const pack of [whole, part])
      for (const { name, code, findings } of await verify(pack, keys, now))
        expect({ name, code, findings }).toEqual({ name, code: 0, findings: [] });
    const forged = forge(whole, join(work, 'restarted-forged'));
    manifest({ number: 1 })(forged);
    for (const { name, code } of await verify(forged.folder, keys, now))
      expect({ name, code }).toEqual({ name, code: 15 });
  });

  test('of a log that was restarted with a batch under way: what began before is not proven, and told as such', async () => {
    const { b, keys, signer } = await restarted();
    const now = b.hub.now().toISOString();
    const [, oldest] = (await listBatches(b.hub.db)).toSorted((one, two) => two.seq - one.seq);
    const id = oldest?.id ?? '';
    const detail = { event: 'received', from: 'SETTLED', to: 'SETTLED', attempt: 1, epoch: 1 };
    const late = { actor: 'scheduler', action: 'batch.outcome', platform: 'credit-sharing', batchId: id, detail };
    await inTransaction(b.hub.db, (tx) => appendLog(tx, b.hub.now(), [late]));
    await signHead(b.hub.db, signer);
    const pack = forge(await exportOf(b.hub, { kind: 'log', value: '' }, 'under-way'), join(work, 'under-way-more'));
    for (const { name, code, findings } of await verify(pack.folder, keys, now))
      expect({ name, code, findings }).toEqual({ name, code: 0, findings: [] });
    pack.json('manifest.json', (told: { batches: string[] }) => ({ ...told, batches: [...told.batches, id] }));
    pack.write(`batches/${id}/verdicts.json`, '[{"row": 1, "state": "accepted"}]');
    pack.cover();
    for (const { name, code, summary } of await verify(pack.folder, keys, now))
      expect({ name, code, unproven: summary['unproven'] }).toEqual({ name, code: 0, unproven: 1 });
  });
});
