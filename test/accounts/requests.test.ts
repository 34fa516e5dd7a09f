import { expect, test } from 'vitest';
import { askApproval, claim, decide, secondPerson, takeApproved, waitingFor } from '../../src/accounts/requests.ts';
import { changeRoles, disableAccount } from '../../src/accounts/users.ts';
import type { Db } from '../../src/store/database.ts';
import { listRequests } from '../../src/store/requests.ts';
import { onBothDatabases, openTestDatabase } from '../support/databases.ts';
import { account, actions, change, codeOf, inTransaction, later, NOW, principal } from './support.ts';

const matter = { kind: 'resync', detail: { platform: 'credit-sharing', records: 240 } };
const asking = { ...matter, by: 'user:wei', reason: '平台丢失', now: NOW };

onBothDatabases('approvals', ({ url }) => {
  const bureau = async (): Promise<Db> => {
    const db = await openTestDatabase(await url());
    await account(db, 'chief', 'sysadmin');
    await account(db, 'wei', 'operator', 'approver');
    await account(db, 'nong', 'approver');
    return db;
  };
  const ask = (db: Db, change: Partial<typeof asking> = {}) =>
    inTransaction(db, (tx) => askApproval(tx, { ...asking, ...change }));
  const take = (db: Db, now = NOW) => inTransaction(db, (tx) => takeApproved(tx, { ...matter, by: 'user:wei', now }));
  const yes = async (db: Db, id: number, name = 'nong', now = NOW) =>
    decide(db, id, { principal: await principal(db, name, now), approve: true, reason: '同意', now });

  test('what a second person approved is used once', async () => {
    const db = await bureau();
    const { id } = await ask(db);
    expect(await take(db)).toBeUndefined();
    expect(await yes(db, id)).toMatchObject({ id, state: 'approved', decidedBy: 'user:nong' });
    expect(await take(db)).toMatchObject({ id });
    expect(await take(db)).toBeUndefined();
    expect((await ask(db)).id).not.toBe(id);
    expect((await actions(db)).filter((action) => action.startsWith('approval.'))).toEqual([
      ...['approval.asked', 'approval.approved', 'approval.used', 'approval.asked'],
    ]);
  });

  test('of twenty that use one approval at once, one gets it', async () => {
    const db = await bureau();
    await yes(db, (await ask(db)).id);
    const taken = await Promise.all(Array.from({ length: 20 }, () => take(db)));
    expect(taken.filter((one) => one !== undefined)).toHaveLength(1);
  });

  test('the same matter asked twenty times at once is one request', async () => {
    const db = await bureau();
    const asked = await Promise.all(Array.from({ length: 20 }, (_, n) => ask(db, { by: `user:admin-${n}` })));
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
    expect((await actions(db)).filter((action) => action === 'approval.asked')).toHaveLength(1);
  });

  test('nobody approves the own request, at the shell neither; the try is logged', async () => {
    const db = await bureau();
    const { id } = await ask(db);
    expect(await codeOf(yes(db, id, 'wei'))).toBe('APPROVAL_OWN');
    const other = await ask(db, { by: 'shell:wei', detail: { platform: 'credit-sharing', records: 7 } });
    expect(await codeOf(yes(db, other.id, 'wei'))).toBe('APPROVAL_OWN');
    expect((await actions(db)).filter((action) => action === 'approval.denied')).toHaveLength(2);
    expect(await take(db)).toBeUndefined();
  });

  test('what was asked without a log-in is approved by nobody until another person stands for it by name', async () => {
    const db = await bureau();
    await account(db, 'huang', 'operator');
    const { id } = await ask(db, { by: 'shell:office' });
    // Whoever sits at a shared account of the machine may be the approver himself.
    expect(await codeOf(yes(db, id, 'wei'))).toBe('APPROVAL_NAMELESS');
    expect(await codeOf(claim(db, id, { by: 'shell:office', reason: '是我', now: NOW }))).toBe('APPROVAL_DENIED');
    expect(await claim(db, id, { by: 'user:wei', reason: '本人提出', now: NOW })).toMatchObject({
      askedBy: 'shell:office',
      claimedBy: 'user:wei',
    });
    expect(await codeOf(claim(db, id, { by: 'user:huang', reason: '我', now: NOW }))).toBe('APPROVAL_CLAIMED');
    expect(await codeOf(yes(db, id, 'wei'))).toBe('APPROVAL_OWN');
    expect(await yes(db, id)).toMatchObject({ state: 'approved', claimedBy: 'user:wei', decidedBy: 'user:nong' });
    expect((await actions(db)).filter((action) => action.startsWith('approval.'))).toEqual([
      ...['approval.asked', 'approval.denied', 'approval.claimed', 'approval.denied', 'approval.approved'],
    ]);
  });

  test('a yes that an older program gave to what nobody asked by name is void', async () => {
    const db = await bureau();
    const { id } = await ask(db, { by: 'shell:office' });
    await inTransaction(db, (tx) => tx('requests').where({ id }).update({ state: 'approved', decided_by: 'user:wei' }));
    expect(await take(db)).toBeUndefined();
    expect((await actions(db)).at(-1)).toBe('approval.void');
  });

  test('asking the same again after the log-in claims it; the machine account stays out of it for good', async () => {
    const db = await bureau();
    const { id } = await ask(db, { by: 'shell:nong' });
    expect(await ask(db, { by: 'user:wei', reason: '本人' })).toMatchObject({ id, claimedBy: 'user:wei' });
    expect(await ask(db, { by: 'user:nong' })).toMatchObject({ id, claimedBy: 'user:wei' });
    // Asked at the shell of nong, claimed by wei: it is the request of both.
    expect(await codeOf(yes(db, id))).toBe('APPROVAL_OWN');
  });

  test('a command that waits says who has to claim and who approves', async () => {
    const db = await bureau();
    expect(waitingFor(await ask(db, { by: 'shell:office' })).fix).toMatch(/hub approve claim 1 .*hub approve 1 /);
    expect(waitingFor(await ask(db)).fix).not.toContain('claim');
  });

  test('only an approver who is logged in decides: no administrator, nobody at the shell', async () => {
    const db = await bureau();
    const { id } = await ask(db);
    expect(await codeOf(yes(db, id, 'chief'))).toBe('APPROVAL_DENIED');
    const shell = { actor: 'shell:root', roles: ['approver'] as const, breakGlass: true };
    expect(await codeOf(decide(db, id, { principal: shell, approve: true, reason: '同意', now: NOW }))).toBe(
      'APPROVAL_DENIED',
    );
  });

  test('an approval is void when its approver has lost the role or the account before it is used', async () => {
    const db = await bureau();
    await account(db, 'huang', 'approver');
    await yes(db, (await ask(db)).id);
    await changeRoles(db, 'nong', ['viewer'], change);
    expect(await take(db)).toBeUndefined();
    await yes(db, (await ask(db)).id, 'huang');
    await disableAccount(db, 'huang', change);
    expect(await take(db)).toBeUndefined();
    expect((await actions(db)).filter((action) => action === 'approval.void')).toHaveLength(2);
  });

  test('an approval stands for its matter to the letter', async () => {
    const db = await bureau();
    await yes(db, (await ask(db)).id);
    const more = { kind: 'resync', detail: { ...matter.detail, records: 241 }, by: 'user:wei', now: NOW };
    expect(await inTransaction(db, (tx) => takeApproved(tx, more))).toBeUndefined();
    expect(await take(db)).toBeDefined();
  });

  test('what nobody decides or uses within three days is over', async () => {
    const db = await bureau();
    const old = await ask(db);
    const late = later(72 * 60 + 1);
    expect(await codeOf(yes(db, old.id, 'nong', late))).toBe('APPROVAL_CLOSED');
    const fresh = await ask(db, { now: late });
    expect(fresh.id).not.toBe(old.id);
    await yes(db, fresh.id, 'nong', late);
    expect(await take(db, later(2 * 72 * 60 + 2))).toBeUndefined();
    expect((await listRequests(db)).map(({ state }) => state)).toEqual(['expired', 'expired']);
  });

  test('a refusal ends the request, and a decision is final', async () => {
    const db = await bureau();
    const { id } = await ask(db);
    const no = { principal: await principal(db, 'nong'), approve: false, reason: '先核对', now: NOW };
    expect(await decide(db, id, no)).toMatchObject({ state: 'refused', decisionReason: '先核对' });
    expect(await codeOf(yes(db, id))).toBe('APPROVAL_CLOSED');
    expect(await codeOf(yes(db, 4711))).toBe('APPROVAL_UNKNOWN');
    expect(await take(db)).toBeUndefined();
  });

  test('a use case takes the approval or asks for it in one step', async () => {
    const db = await bureau();
    const step = () => inTransaction(db, (tx) => secondPerson(tx, asking));
    const first = await step();
    if (!('waiting' in first)) throw new Error('nobody approved yet');
    expect(await step()).toMatchObject({ waiting: { id: first.waiting.id, state: 'open' } });
    expect(waitingFor(first.waiting)).toMatchObject({
      code: 'APPROVAL_OPEN',
      fix: expect.stringContaining('hub approve'),
    });
    await yes(db, first.waiting.id);
    expect(await step()).toMatchObject({ approved: { id: first.waiting.id } });
  });
});
