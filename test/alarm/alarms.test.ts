import { expect, test } from 'vitest';
import { type Check, MINUTE } from '../../src/alarm/check.ts';
import type { Finding } from '../../src/alarm/finding.ts';
import { newMemory, tend } from '../../src/alarm/tend.ts';
import type { AlarmSettings } from '../../src/alarm-settings.ts';
import type { Hub } from '../../src/hub-context.ts';
import { listAlarms } from '../../src/store/alarms.ts';
import { select } from '../../src/store/database.ts';
import { onBothDatabases } from '../support/databases.ts';
import { cleanUp, NOW, openTestHub } from '../support/hub.ts';
import { logged } from '../support/logged.ts';
import { headersOf, smtpSink, textOf } from '../support/smtp-sink.ts';
import { webhookSink } from '../support/webhook-sink.ts';

const signal = new AbortController().signal;

const broken: Finding = {
  subject: 'breaker:credit-sharing',
  kind: 'breaker',
  level: 'urgent',
  zh: '平台 credit-sharing 已停止发送',
  en: 'platform credit-sharing is cut off',
  fixZh: '检查网络与证书',
  fixEn: 'check network and certificates',
  command: 'hub batches --platform credit-sharing',
};

async function bench(url: string) {
  const sink = await smtpSink();
  const robot = await webhookSink();
  cleanUp(() => sink.close());
  cleanUp(() => robot.close());
  const alarm: AlarmSettings = {
    mail: { smtpUrl: `smtp://${sink.at}`, from: 'hub@example.invalid', to: ['it@example.invalid'] },
    webhook: { url: robot.url, kind: 'plain' },
  };
  const clock = { now: NOW };
  const base = await openTestHub(url, [], clock);
  const hub: Hub = { ...base, settings: { ...base.settings, alarm } };
  const holding: Finding[] = [];
  const check: Check = { name: 'test', kinds: ['breaker'], everyMs: MINUTE, look: async () => holding };
  const memory = newMemory();
  const round = (minutes = 1) => {
    clock.now = new Date(clock.now.getTime() + minutes * MINUTE);
    return tend(hub, memory, signal, [check]);
  };
  const subjects = () => sink.letters.map((letter) => headersOf(letter).find((line) => line.startsWith('Subject:')));
  return { sink, robot, hub, holding, round, check, subjects, clock };
}

onBothDatabases('alarms on', ({ url }) => {
  test('what goes wrong is told once, its end once, and in between nothing', async () => {
    const b = await bench(await url());
    b.holding.push(broken);
    for (let minute = 0; minute < 5; minute += 1) await b.round();
    b.holding.pop();
    for (let minute = 0; minute < 3; minute += 1) await b.round();
    expect(b.subjects()).toEqual([
      'Subject: [证信通] 告警：平台 credit-sharing 已停止发送',
      'Subject: [证信通] 已恢复（曾告警）：平台 credit-sharing 已停止发送',
    ]);
    expect(b.robot.calls.map(({ body }) => JSON.parse(body).notice)).toEqual(['first', 'recovered']);
    expect(await listAlarms(b.hub.db, true)).toMatchObject([{ state: 'recovered', times: 5, round: 1 }]);
    expect((await logged(b.hub.db)).map(({ action }) => action)).toEqual(['alarm.open', 'alarm.recovered']);
  });

  test('an end that is no recovery is told in its own words, never with the old complaint', async () => {
    const b = await bench(await url());
    b.holding.push({ ...broken, over: { zh: '该期已不再待报', en: 'open no more' } });
    await b.round();
    b.holding.pop();
    await b.round();
    expect(b.subjects().at(-1)).toBe('Subject: [证信通] 已了结：该期已不再待报');
    expect(b.sink.letters.slice(-1).map(textOf).join('')).not.toContain('已停止发送');
  });

  test('when the hub has done what it can, that is told as well, and a second time around everything anew', async () => {
    const b = await bench(await url());
    b.holding.push(broken);
    await b.round();
    b.holding[0] = { ...broken, exhausted: true };
    await b.round();
    await b.round();
    b.holding.pop();
    await b.round();
    b.holding.push(broken);
    await b.round();
    expect(b.subjects().map((line) => line?.replace('：平台 credit-sharing 已停止发送', ''))).toEqual([
      'Subject: [证信通] 告警',
      'Subject: [证信通] 须人工处理',
      'Subject: [证信通] 已恢复（曾告警）',
      'Subject: [证信通] 告警',
    ]);
    expect(await listAlarms(b.hub.db, false)).toMatchObject([{ state: 'open', round: 2, times: 1 }]);
  });

  test('the text says what happened, since when, what to do, and the command', async () => {
    const b = await bench(await url());
    b.holding.push(broken);
    await b.round();
    const [letter] = b.sink.letters;
    const body = letter === undefined ? '' : textOf(letter);
    for (const part of [
      '已停止发送',
      'is cut off',
      '2026-11-27 10:01',
      '检查网络与证书',
      'hub batches --platform',
      'hub alarm close',
    ])
      expect(body).toContain(part);
  });

  test('two processes that see the same send one message', async () => {
    const b = await bench(await url());
    b.holding.push(broken);
    const [one, two] = [newMemory(), newMemory()];
    await Promise.all([tend(b.hub, one, signal, [b.check]), tend(b.hub, two, signal, [b.check])]);
    await b.round(10);
    expect(b.sink.letters).toHaveLength(1);
    expect(b.robot.calls).toHaveLength(1);
  });

  test('a check that breaks leaves its alarms as they are and hinders no other', async () => {
    const b = await bench(await url());
    b.holding.push(broken);
    await b.round();
    const bad: Check = { name: 'bad', kinds: ['breaker'], everyMs: 0, look: () => Promise.reject(new Error('no')) };
    expect(await tend(b.hub, newMemory(), signal, [bad])).toMatchObject({ broken: ['bad'] });
    expect(await listAlarms(b.hub.db, false)).toMatchObject([{ state: 'open' }]);
  });

  test('a mail server that is down or refuses is tried again, and nothing else waits for it', async () => {
    const b = await bench(await url());
    const down = await smtpSink();
    await down.close();
    const mail = { smtpUrl: `smtp://${down.at}`, from: 'hub@example.invalid', to: ['it@example.invalid'] };
    const { webhook } = b.hub.settings.alarm;
    const hub: Hub = { ...b.hub, settings: { ...b.hub.settings, alarm: { mail, webhook } } };
    b.holding.push(broken);
    expect(await tend(hub, newMemory(), signal, [b.check])).toMatchObject({ sent: 1, failed: 1 });
    expect(b.robot.calls).toHaveLength(1);
    const [waiting] = await select<{ error: string; state: string }>(
      hub.db,
      "SELECT state, error FROM alarm_messages WHERE channel = 'mail'",
    );
    expect(waiting).toMatchObject({ state: 'waiting', error: expect.stringContaining('ECONNREFUSED') });
    await b.round(2);
    expect(b.sink.letters).toHaveLength(1);
  });
});
