import { expect, test } from 'vitest';
import { newMemory, tend } from '../../src/alarm/tend.ts';
import type { Hub } from '../../src/hub-context.ts';
import type { Duty } from '../../src/job/job.ts';
import type { JsonObject } from '../../src/json.ts';
import { pull } from '../../src/pull/pull.ts';
import { onBothDatabases } from '../support/databases.ts';
import { cleanUp, openTestHub, page, pullJob, pushJob, row, schemas, sourceOf } from '../support/hub.ts';
import { headersOf, htmlOf, smtpSink, textOf } from '../support/smtp-sink.ts';

const signal = new AbortController().signal;
const duty: Duty = {
  ...{ basis: '实施方案七(三)', every: 'friday', start: '09:00', due: '18:00', grace: '1d' },
  ...{ whenOff: 'previous-workday', goLive: '2026-01-01' },
} as Duty;

async function bench(url: string) {
  const sink = await smtpSink();
  cleanUp(() => sink.close());
  const clock = { now: new Date('2026-11-26T00:00:00Z') };
  const jobs = [pullJob(), { ...pushJob('http://127.0.0.1:9'), duty }];
  const base = await openTestHub(url, jobs, clock);
  const mail = { smtpUrl: `smtp://${sink.at}`, from: 'hub@example.invalid', to: [] };
  const alarms = { divisions: { 印刷发行处: ['office@example.invalid', 'chief@example.invalid'] }, watch: [] };
  const hub: Hub = { ...base, alarms, settings: { ...base.settings, alarm: { mail } } };
  const type = schemas.types.get('licence/printing');
  if (type === undefined) throw new Error('no such type');
  const take = async (...rows: JsonObject[]): Promise<void> => {
    const common = {
      db: hub.db,
      type,
      schemasDigest: schemas.digest,
      runId: 1,
      now: hub.now,
      localDate: hub.localDate,
    };
    await pull(pullJob(), { ...common, signal, dryRun: false, acceptShrink: false, source: sourceOf(page(rows)) });
  };
  /** One round of a process that has just started. */
  const at = async (instant: string) => {
    clock.now = new Date(instant);
    await tend(hub, newMemory(), signal, []);
  };
  const subjects = () =>
    sink.letters.map((letter) =>
      headersOf(letter)
        .find((line) => line.startsWith('Subject:'))
        ?.slice(9),
    );
  return { sink, hub, take, at, subjects };
}

onBothDatabases('the mails of a division on', ({ url }) => {
  test('what did not pass comes once a work day, with how to mend it, however often the hub starts', async () => {
    const b = await bench(await url());
    await b.take(row(1), row(2, { code: '91450100MA5KA0017G' }), row(3, { from: '2026-02-30' }));
    for (const instant of [
      '2026-11-26T00:29:00Z',
      '2026-11-26T00:30:00Z',
      '2026-11-26T00:31:00Z',
      '2026-11-26T03:00:00Z',
    ])
      await b.at(instant);
    expect(b.subjects()).toEqual(['[证信通] 印刷发行处：2 条数据未通过，请修改']);
    const [letter] = b.sink.letters;
    expect(letter?.to).toEqual(['office@example.invalid', 'chief@example.invalid']);
    const said = letter === undefined ? '' : textOf(letter);
    for (const part of [
      '（桂）印证字第450000002号',
      'holder.creditCode：',
      'hub quarantine show 2',
      '归集 2',
      '准确性',
    ])
      expect(said).toContain(part);
    await b.at('2026-11-28T02:00:00Z');
    expect(b.sink.letters).toHaveLength(1);
    await b.at('2026-11-27T02:00:00Z');
    expect(b.sink.letters).toHaveLength(2);
  });

  test('no name, no id number and no markup of a record reaches the mail', async () => {
    const b = await bench(await url());
    const person = '450102199003077518';
    await b.take(
      row(1, { name: '韦某某', code: person }),
      row(2, { number: `<script>alert(${person})</script>\r\nBcc: x@example.invalid`, from: '' }),
      row(3, { content: `住址：南宁市民族大道${person}号`, code: '91450100MA5KA0017G' }),
    );
    await b.at('2026-11-26T00:30:00Z');
    const [letter] = b.sink.letters;
    if (letter === undefined) throw new Error('no letter');
    const all = `${letter.raw}\n${textOf(letter)}\n${htmlOf(letter)}`;
    for (const secret of [person, '韦某某', '民族大道']) expect(all).not.toContain(secret);
    expect(htmlOf(letter)).not.toContain('<script');
    expect(headersOf(letter).some((line) => /^bcc/i.test(line))).toBe(false);
  });

  test('where nothing waits there is no mail', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    await b.at('2026-11-26T00:30:00Z');
    expect(b.sink.letters).toEqual([]);
  });

  test('on the day before the push comes what leaves and what does not', async () => {
    const b = await bench(await url());
    await b.take(row(1), row(2), row(3, { content: '联系电话13977112345' }));
    await b.at('2026-11-25T08:00:00Z');
    await b.at('2026-11-26T07:00:00Z');
    await b.at('2026-11-26T08:00:00Z');
    expect(b.subjects().filter((subject) => subject?.includes('下次'))).toEqual([
      '[证信通] 印刷发行处：下次报送 2 条，1 条不能报送',
    ]);
    const preview = b.sink.letters.find((letter) => headersOf(letter).some((line) => line.includes('下次')));
    const said = preview === undefined ? '' : textOf(preview);
    expect(said).toContain('（桂）印证字第450000003号');
    for (const secret of ['13977112345', '某某印刷']) expect(said).not.toContain(secret);
  });
});
