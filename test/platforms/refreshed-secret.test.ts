import { createCipheriv, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Platform } from '../../src/platform.ts';
import type { HttpPlatformSpec } from '../../src/platform-spec.ts';
import { openPlatform } from '../../src/platforms/index.ts';
import type { Db } from '../../src/store/database.ts';
import { listLog } from '../../src/store/log.ts';
import { openVault } from '../../src/store/vault.ts';
import { openIssuedSecret, secretEnd } from '../../src/wire/platform-secret.ts';
import { onBothDatabases, openTestDatabase } from '../support/databases.ts';
import { sealedBatch } from '../support/outgoing-batch.ts';
import type { FarEnd } from './contract.ts';
import { type Ask, type Dialect, httpFarEnd } from './http-far-end.ts';
import { packageDialect } from './package-dialect.ts';

const never = new AbortController().signal;
const APP_KEY = 'app-key-canary-1';
const FIRST = 'first-secret-canary-0001';
const HUB_KEY = 'a5'.repeat(32);

/** A platform whose secrets last half an hour; it knows the newest one only. */
function issuing(clock: {
  now: Date;
}): Dialect & { readonly issued: string[]; answer: Dialect['answer']; broken: boolean } {
  const issued = [FIRST];
  const good = ({ headers }: Ask): boolean => {
    const message = `${headers['gjgxjhpt_sid']}${headers['gjgxjhpt_rid']}${headers['gjgxjhpt_rtime']}`;
    const expected = createHmac('sha256', issued.at(-1) ?? '')
      .update(message)
      .digest('base64');
    return headers['gjgxjhpt_sign'] === expected;
  };
  const far = {
    issued,
    broken: false,
    isSubmit: (ask: Ask) => ask.path === '/batches',
    answer: (ask: Ask, store: Parameters<Dialect['answer']>[1]) => {
      if (!good(ask)) return { status: 401, type: 'application/json', body: '{}' };
      if (ask.path !== '/secret/refresh') return packageDialect.answer(ask, store);
      if (far.broken) return { status: 500, type: 'application/json', body: '{}' };
      issued.push(`issued-secret-canary-${issued.length}`);
      const cipher = createCipheriv('aes-128-ecb', APP_KEY, null);
      const secret = cipher.update(issued.at(-1) ?? '', 'utf8', 'base64') + cipher.final('base64');
      const end = new Date(clock.now.getTime() + (30 * 60 + 8 * 3600) * 1000);
      const secretEndTime = end.toISOString().slice(0, 19).replace('T', ' ');
      return {
        status: 200,
        type: 'application/json',
        body: JSON.stringify({ code: '0', data: { secret, secretEndTime } }),
      };
    },
  };
  return far;
}

const specOf = (url: string): HttpPlatformSpec => ({
  ...{ use: 'http', url, sign: 'hmac-sha256', timeout: 5 },
  auth: {
    hmac: {
      ...{ requesterId: 'rid', serviceId: 'sid', secret: FIRST },
      refresh: { path: '/secret/refresh', appKey: APP_KEY, before: '10m' },
    },
  },
});

async function start(url: string) {
  const clock = { now: new Date('2026-11-27T01:00:00Z') };
  const dialect = issuing(clock);
  const far = await httpFarEnd(dialect, specOf);
  const db = await openTestDatabase(url);
  return { clock, dialect, far, db, open: () => openWith(far, db, clock) };
}

async function openWith(far: FarEnd, db: Db, clock: { now: Date }): Promise<Platform> {
  const vault = openVault(db, HUB_KEY, 'scheduler');
  const platform = await openPlatform(far.spec, {
    name: 'credit-sharing',
    allowedHosts: [],
    now: () => clock.now,
    vault,
  });
  onTestFinished(() => platform.close());
  return platform;
}

onBothDatabases('a secret that the platform issues, kept on', ({ name, url }) => {
  test('is fetched first, used by every batch, and outlives the process', async () => {
    const { open, dialect } = await start(await url());
    const platform = await open();
    const batches = await Promise.all([0, 10, 20].map((first) => sealedBatch({ first })));
    const answers = await Promise.all(batches.map((batch) => platform.send(batch, never)));
    expect(answers.map(({ outcome }) => outcome)).toEqual(['answered', 'answered', 'answered']);
    expect(dialect.issued).toHaveLength(2);
    const next = await open();
    expect((await next.send(await sealedBatch({ first: 30 }), never)).outcome).toBe('answered');
    expect(dialect.issued).toHaveLength(2);
  });

  test('is renewed before its end, and an old one that still holds bridges a failed renewal', async () => {
    const { open, dialect, clock } = await start(await url());
    const platform = await open();
    await platform.send(await sealedBatch(), never);
    clock.now = new Date(clock.now.getTime() + 25 * 60_000);
    dialect.broken = true;
    expect((await platform.send(await sealedBatch({ first: 10 }), never)).outcome).toBe('answered');
    dialect.broken = false;
    expect((await platform.send(await sealedBatch({ first: 20 }), never)).outcome).toBe('answered');
    expect(dialect.issued).toHaveLength(3);
    clock.now = new Date(clock.now.getTime() + 60 * 60_000);
    dialect.broken = true;
    expect(await platform.send(await sealedBatch({ first: 30 }), never)).toMatchObject({
      outcome: 'not-sent',
      reason: expect.stringContaining('换取密钥失败'),
    });
  });

  test('stands nowhere in clear: not in the database, the log, an answer or an error (S22)', async () => {
    const address = await url();
    const { open, dialect, db, clock } = await start(address);
    const platform = await open();
    const seen: unknown[] = [await platform.send(await sealedBatch(), never)];
    clock.now = new Date(clock.now.getTime() + 60 * 60_000);
    dialect.issued.push('the platform forgot us');
    seen.push(await platform.send(await sealedBatch({ first: 10 }), never));
    seen.push(
      await openVault(db, 'b6'.repeat(32), 'x')
        ?.read('credit-sharing/exchange-secret')
        .catch((error: unknown) => error),
    );
    seen.push(
      await db('vault').select(),
      await db('log_pending')
        .select()
        .catch(() => []),
      await listLog(db, {}),
    );
    const text = inspect(seen, { depth: 9, maxStringLength: null, maxArrayLength: null }) + JSON.stringify(seen);
    for (const secret of [...dialect.issued.slice(0, 2), APP_KEY, HUB_KEY]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(secret).toString('hex'));
      expect(text).not.toContain(Buffer.from(secret).toString('base64'));
    }
    expect(text).toContain('SECRET_UNREADABLE');
    if (name === 'SQLite') {
      const bytes = readFileSync(address.slice('sqlite:'.length)).toString('latin1');
      expect(bytes).not.toContain('secret-canary');
    }
  });

  test('that does not open, or comes without an end, is no secret', async () => {
    const { far, db, clock } = await start(await url());
    const spec = specOf('');
    const wrongKey = {
      ...far.spec,
      auth: {
        hmac: {
          ...(spec.auth && 'hmac' in spec.auth ? spec.auth.hmac : {}),
          refresh: { path: '/secret/refresh', appKey: 'another-app-key1' },
        },
      },
    } as HttpPlatformSpec;
    const platform = await openWith({ ...far, spec: wrongKey }, db, clock);
    expect(await platform.send(await sealedBatch(), never)).toMatchObject({
      outcome: 'not-sent',
      page: true,
      reason: expect.stringContaining('appKey'),
    });
  });
});

describe('what a platform sends as a secret', () => {
  test('needs a place to be kept', async () => {
    const given = { name: 'p', allowedHosts: [], now: () => new Date() };
    await expect(openPlatform(specOf('http://127.0.0.1:1'), given)).rejects.toMatchObject({
      fix: expect.stringContaining('HUB_SECRET_KEY'),
    });
  });

  test.each([
    ['2026-11-27 18:00:00', '2026-11-27T10:00:00.000Z'],
    ['1795773600000', '2026-11-27T10:00:00.000Z'],
    ['1795773600', '2026-11-27T10:00:00.000Z'],
    ['2026-11-27T10:00:00Z', '2026-11-27T10:00:00.000Z'],
    ['soon', undefined],
    ['', undefined],
  ])('ends at %s', (text, instant) => {
    expect(secretEnd(text)?.toISOString()).toBe(instant);
  });

  test.each(['aes-128-ecb', 'aes-256-ecb', 'aes-128-cbc', 'aes-256-cbc'] as const)('opens with %s', (cipher) => {
    const key = Buffer.alloc(cipher.includes('256') ? 32 : 16, 7);
    const iv = Buffer.alloc(16, 3);
    const sealing = createCipheriv(cipher, key, cipher.endsWith('cbc') ? iv : null);
    const body = Buffer.concat([sealing.update('密钥'), sealing.final()]);
    const sealed = cipher.endsWith('cbc') ? Buffer.concat([iv, body]) : body;
    for (const text of [sealed.toString('base64'), sealed.toString('hex')]) {
      expect(openIssuedSecret(text, { path: '/', appKey: key.toString('hex'), cipher })).toBe('密钥');
    }
    expect(openIssuedSecret('garbage', { path: '/', appKey: key.toString('hex'), cipher })).toBeUndefined();
  });
});
