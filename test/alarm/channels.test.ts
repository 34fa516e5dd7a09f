import { createHmac } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { expect, test } from 'vitest';
import { alarmText, outgoing } from '../../src/alarm/alarm-text.ts';
import type { Finding } from '../../src/alarm/finding.ts';
import { sendMail } from '../../src/alarm/mail-channel.ts';
import { callWebhook } from '../../src/alarm/webhook-channel.ts';
import { readAlarmSettings, type WebhookKind } from '../../src/alarm-settings.ts';
import { certificate } from '../support/certificate.ts';
import { cleanUp, NOW } from '../support/hub.ts';
import { headersOf, htmlOf, smtpSink, textOf } from '../support/smtp-sink.ts';
import { webhookSink } from '../support/webhook-sink.ts';

const nasty = '平台说 <script>alert(1)</script>\r\nBcc: thief@example.invalid\n\u202e"&\'\u2028';
const finding: Finding = {
  ...{ subject: 'run:x', kind: 'run', level: 'urgent', zh: nasty, en: nasty, fixZh: nasty, fixEn: nasty },
  command: nasty,
};
const text = alarmText({ finding, notice: 'first', since: '2026-11-27 20:00', hubId: 'hub', id: 1 });
const to = ['it@example.invalid'];

async function mailServer(options: Parameters<typeof smtpSink>[0] = {}) {
  const sink = await smtpSink(options);
  cleanUp(() => sink.close());
  return sink;
}

test('nothing in a text breaks out of a header, a line or the HTML', async () => {
  const sink = await mailServer();
  const mail = { smtpUrl: `smtp://${sink.at}`, from: 'hub@example.invalid', to };
  expect(await sendMail(mail, { ...text, to, name: 'n' }, { hubId: 'hub' })).toEqual({ sent: true });
  const [letter] = sink.letters;
  if (letter === undefined) throw new Error('no letter');
  expect(letter.to).toEqual(to);
  expect(headersOf(letter).filter((line) => /^bcc:/i.test(line))).toEqual([]);
  expect(textOf(letter)).toContain('\\u000d\\u000aBcc: thief');
  expect(textOf(letter)).not.toMatch(/[\u202e\u2028]/);
  expect(htmlOf(letter)).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(htmlOf(letter)).not.toContain('<script');
});

test('mail with a login goes over TLS from the start or by STARTTLS', async () => {
  const pair = certificate({ host: 'localhost' });
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, pair.cert]);
  cleanUp(() => setDefaultCACertificates(before));
  const login = 'hub:the-right-password@';
  const [implicit, starttls] = [await mailServer({ secure: true, ...pair }), await mailServer(pair)];
  for (const [scheme, sink] of [
    ['smtps', implicit],
    ['smtp', starttls],
  ] as const) {
    const at = sink.at.replace('127.0.0.1', 'localhost');
    const mail = { smtpUrl: `${scheme}://${login}${at}`, from: 'hub@example.invalid', to };
    expect(await sendMail(mail, { ...text, to, name: 'n' }, { hubId: 'hub' })).toEqual({ sent: true });
    expect(sink.users).toEqual(['hub']);
    expect(sink.secure).toEqual([true]);
  }
});

test('a server without TLS or with a foreign certificate never hears the password, and the reason is without secrets', async () => {
  const pair = certificate({ host: 'localhost' });
  const [open, foreign] = [await mailServer(), await mailServer({ secure: true, ...pair })];
  const at = (sink: { at: string }) => sink.at.replace('127.0.0.1', 'localhost');
  const urls = [`smtp://hub:canary-password@${at(open)}`, `smtps://hub:canary-password@${at(foreign)}`];
  for (const smtpUrl of urls) {
    const sending = await sendMail(
      { smtpUrl, from: 'hub@example.invalid', to },
      { ...text, to, name: 'n' },
      { hubId: 'hub' },
    );
    expect(sending.sent).toBe(false);
    expect(JSON.stringify(sending)).not.toMatch(/canary|example\.invalid/);
  }
  expect([...open.users, ...foreign.users]).toEqual([]);
});

async function robot() {
  const sink = await webhookSink();
  cleanUp(() => sink.close());
  return sink;
}

const message = { ...outgoing('主题', ['正文']), kind: 'run', level: 'urgent', notice: 'first' };

test('DingTalk is called with its signature, and its refusal is no success', async () => {
  const sink = await robot();
  const settings = { url: sink.url, kind: 'dingtalk', secret: 'SEC000' } as const;
  expect(await callWebhook(settings, message, { now: NOW })).toEqual({ sent: true });
  const [call] = sink.calls;
  const stamp = String(NOW.getTime());
  expect(call?.url.searchParams.get('timestamp')).toBe(stamp);
  expect(call?.url.searchParams.get('sign')).toBe(
    createHmac('sha256', 'SEC000').update(`${stamp}\nSEC000`).digest('base64'),
  );
  expect(call?.url.searchParams.get('access_token')).toBe('canary-webhook-token');
  expect(JSON.parse(call?.body ?? '')).toEqual({ msgtype: 'text', text: { content: '正文\n' } });
  sink.answer = { status: 200, body: '{"errcode":310000,"errmsg":"sign not match"}' };
  expect(await callWebhook(settings, message, { now: NOW })).toMatchObject({
    sent: false,
    reason: expect.stringContaining('310000'),
  });
});

test('WeCom gets a text of at most 2048 bytes, and the plain form is signed', async () => {
  const sink = await robot();
  const long = { ...message, text: '很长'.repeat(2000) };
  expect(await callWebhook({ url: sink.url, kind: 'wecom' }, long, { now: NOW })).toEqual({ sent: true });
  expect(Buffer.byteLength(JSON.parse(sink.calls[0]?.body ?? '').text.content)).toBeLessThanOrEqual(2048);
  await callWebhook({ url: sink.url, kind: 'plain', secret: 'key' }, message, { now: NOW });
  const [, plain] = sink.calls;
  const expected = createHmac('sha256', 'key')
    .update(plain?.body ?? '')
    .digest('hex');
  expect(plain?.headers['x-hub-signature-256']).toBe(`sha256=${expected}`);
});

test.each<[string, { status: number; body: string; location?: string }, WebhookKind]>([
  ['a redirect', { status: 302, body: '', location: 'http://127.0.0.1:9/' }, 'plain'],
  ['a web page', { status: 200, body: '<html>' }, 'wecom'],
  ['an error', { status: 500, body: '' }, 'plain'],
])('%s is no success, and its reason never repeats the address with its token', async (_, answer, kind) => {
  const sink = await robot();
  sink.answer = answer;
  const sending = await callWebhook({ url: sink.url, kind }, message, { now: NOW });
  expect(sending.sent).toBe(false);
  expect(JSON.stringify(sending)).not.toContain('canary');
});

test('a robot and a mail server that hang are given up after their time', async () => {
  const sink = await robot();
  sink.answer = 'hang';
  const settings = { url: sink.url, kind: 'plain' } as const;
  expect(await callWebhook(settings, message, { now: NOW, timeoutS: 0.2 })).toMatchObject({ sent: false });
  const silent = createServer().listen(0, '127.0.0.1');
  await new Promise((ready) => silent.once('listening', ready));
  cleanUp(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  const mail = { smtpUrl: `smtp://127.0.0.1:${port}`, from: 'hub@example.invalid', to };
  expect(await sendMail(mail, { ...text, to, name: 'n' }, { hubId: 'hub', withinMs: 200 })).toMatchObject({
    sent: false,
  });
});

test('a port where nobody answers ends in a reason', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  const settings = { url: `http://127.0.0.1:${port}/x?token=canary`, kind: 'plain' } as const;
  expect(await callWebhook(settings, message, { now: NOW })).toMatchObject({
    sent: false,
    reason: expect.not.stringContaining('canary'),
  });
});

test('settings that cannot work are all named, and never repeated', () => {
  const { faults } = readAlarmSettings({
    HUB_SMTP_URL: 'http://user:canary@host',
    HUB_ALARM_TO: 'good@example.invalid, bad\r\nBcc: x@y.z',
    HUB_ALARM_FROM: 'nobody',
    HUB_ALARM_WEBHOOK: 'ftp://x',
    HUB_ALARM_WEBHOOK_KIND: 'pigeon',
    HUB_HEARTBEAT_URL: 'no url',
  });
  expect(faults.map(({ where }) => where).toSorted()).toEqual([
    'HUB_ALARM_FROM',
    'HUB_ALARM_TO',
    'HUB_ALARM_WEBHOOK',
    'HUB_ALARM_WEBHOOK_KIND',
    'HUB_HEARTBEAT_URL',
    'HUB_SMTP_URL',
  ]);
  expect(JSON.stringify(faults)).not.toContain('canary');
  expect(readAlarmSettings({ HUB_ALARM_TO: 'a@example.invalid' }).faults).toMatchObject([{ where: 'HUB_SMTP_URL' }]);
  const kinds = [
    'https://oapi.dingtalk.com/robot/send?a=b',
    'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k',
    'http://intranet/x',
  ];
  expect(kinds.map((HUB_ALARM_WEBHOOK) => readAlarmSettings({ HUB_ALARM_WEBHOOK }).alarm.webhook?.kind)).toEqual([
    'dingtalk',
    'wecom',
    'plain',
  ]);
});
