import { createHmac } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import ExcelJS from 'exceljs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runSandbox, type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';

const size = { licences: 200, penalties: 60, enterprises: 40 };

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'hub-sandbox-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
};

async function sandbox(dir = folder()): Promise<Sandbox> {
  const started = await startSandbox({ dir, seed: 3, today: '2026-11-24', size });
  onTestFinished(() => started.close());
  return started;
}

const env = ({ env: values }: Sandbox, name: string): string => values[name] ?? '';

interface Page {
  readonly data: {
    readonly rows: readonly { readonly [column: string]: string }[];
    readonly total: number;
    readonly next?: string | null;
  };
}

async function licences(box: Sandbox, query: string): Promise<Page['data']> {
  const response = await fetch(`${env(box, 'APPROVAL_URL')}/licences?${query}`, {
    headers: { authorization: `Bearer ${env(box, 'APPROVAL_TOKEN')}` },
  });
  return ((await response.json()) as Page).data;
}

function signed(box: Sandbox): { readonly [name: string]: string } {
  const [rid, sid, rtime] = [env(box, 'REGISTRY_REQUESTER_ID'), env(box, 'REGISTRY_SERVICE_ID'), String(Date.now())];
  const sign = createHmac('sha256', env(box, 'REGISTRY_SECRET'))
    .update(sid + rid + rtime)
    .digest('base64');
  return { gjgxjhpt_rid: rid, gjgxjhpt_sid: sid, gjgxjhpt_rtime: rtime, gjgxjhpt_sign: sign };
}

const control = async (box: Sandbox, path: string, body?: unknown): Promise<Response> =>
  fetch(box.control + path, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) });

const penalties = (box: Sandbox): { readonly id: number; readonly updated_at: string; readonly zt: string }[] => {
  const db = new Database(env(box, 'PENALTY_DB').replace('sqlite:', ''), { readonly: true });
  onTestFinished(() => void db.close());
  return db
    .prepare<[], { id: number; updated_at: string; zt: string }>(
      'SELECT id, updated_at, zt FROM xzcf ORDER BY updated_at, id',
    )
    .all();
};

describe('the bureaus', () => {
  it('page through the approval system without gap or repetition, in the order of change', async () => {
    const box = await sandbox();
    const pages = await Promise.all([1, 2, 3, 4].map((page) => licences(box, `pageNo=${page}&pageSize=30`)));
    const rows = pages.flatMap((page) => page.rows);
    expect(pages[0]?.total).toBe(100);
    expect(new Set(rows.map((row) => row['lsh'])).size).toBe(100);
    const times = rows.map((row) => row['updatedAt'] ?? '');
    expect(times).toEqual(times.toSorted());
  });

  it('refuse a wrong token and a wrong signature', async () => {
    const box = await sandbox();
    expect((await fetch(`${env(box, 'APPROVAL_URL')}/licences`)).status).toBe(401);
    const headers = { ...signed(box), gjgxjhpt_sign: 'AAAA' };
    expect((await fetch(`${env(box, 'REGISTRY_URL')}/enterprises`, { headers })).status).toBe(401);
  });

  it('give only what changed since a moment', async () => {
    const box = await sandbox();
    const { rows } = await licences(box, 'pageNo=1&pageSize=200');
    const since = rows[60]?.['updatedAt'] ?? '';
    const later = await licences(box, `pageNo=1&pageSize=200&since=${encodeURIComponent(since)}`);
    expect(later.rows).toEqual(rows.filter((row) => (row['updatedAt'] ?? '') >= since));
    expect(later.total).toBe(later.rows.length);
  });

  it('say the same in XML, and by an opaque cursor with the header scheme', async () => {
    const box = await sandbox();
    const authorization = `Bearer ${env(box, 'APPROVAL_TOKEN')}`;
    const xml = await (
      await fetch(`${env(box, 'APPROVAL_URL')}/licences.xml?pageSize=200`, { headers: { authorization } })
    ).text();
    expect(xml.match(/<lsh>/g)).toHaveLength(100);
    const seen: (string | undefined)[] = [];
    for (let cursor = ''; ; ) {
      const response = await fetch(`${env(box, 'APPROVAL_URL')}/v2/licences?size=40&cursor=${cursor}`, {
        headers: signed(box),
      });
      const { data } = (await response.json()) as Page;
      seen.push(...data.rows.map((row) => row['lsh']));
      if (!data.next) break;
      cursor = data.next;
    }
    expect(new Set(seen).size).toBe(100);
  });

  it('lead from page to page at the registration office', async () => {
    const box = await sandbox();
    const seen: Page['data']['rows'][number][] = [];
    for (let next: string | null | undefined = `${env(box, 'REGISTRY_URL')}/enterprises?limit=15`; next; ) {
      const { data } = (await (await fetch(next, { headers: signed(box) })).json()) as Page;
      seen.push(...data.rows);
      next = data.next;
    }
    expect(new Set(seen.map((row) => row['entid'])).size).toBe(40);
  });

  it('drop a GB18030 table and a workbook, and leave no half file', async () => {
    const box = await sandbox();
    const files = readdirSync(env(box, 'OFFICE_FOLDER')).sort();
    expect(files).toEqual(['出版物经营许可证-20261124-001.xlsx', '印刷经营许可证-20261124-001.csv']);
    const bytes = readFileSync(join(env(box, 'OFFICE_FOLDER'), files[1] ?? ''));
    expect(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes)).toThrow();
    const lines = new TextDecoder('gb18030').decode(bytes).split('\r\n');
    expect(lines[0]).toContain('统一社会信用代码');
    expect(lines.some((line) => line.includes('䶮'))).toBe(true);
    const book = new ExcelJS.Workbook();
    await book.xlsx.readFile(join(env(box, 'OFFICE_FOLDER'), files[0] ?? ''));
    const sheet = book.worksheets[0];
    expect(sheet?.getCell('A1').isMerged).toBe(true);
    expect(sheet?.getRow(4).values).toContain('有效期自');
    expect(sheet?.getRow(5).getCell(1).text).toContain('示例');
  });

  it('let days go by: new and withdrawn records, later than everything before', async () => {
    const box = await sandbox();
    const before = penalties(box);
    const done = await box.advance(7);
    expect(done).toMatchObject({ today: '2026-12-01' });
    expect(done.added).toBeGreaterThan(0);
    const after = penalties(box);
    expect(after.length).toBeGreaterThan(before.length);
    expect(after.some(({ zt }) => zt !== '1')).toBe(true);
    const newest = before.at(-1)?.updated_at ?? '';
    expect((await licences(box, `pageSize=50&since=${encodeURIComponent('2026-11-24')}`)).rows.length).toBeGreaterThan(
      3,
    );
    expect(after.filter(({ updated_at }) => updated_at > newest).length).toBeGreaterThan(3);
    expect(done.files).toHaveLength(2);
  });

  it('correct their dirty records, which then come again', async () => {
    const box = await sandbox();
    const wrong = box.expectations().filter(({ outcome }) => outcome === 'quarantined');
    const broken = wrong.find(({ kind, label }) => kind === 'broadcast' && label === '10.13-no-start');
    expect(await box.mend()).toMatchObject({ mended: wrong.length });
    const { rows } = await licences(box, 'pageSize=200');
    const mended = rows.find((row) => row['lsh'] === broken?.rowId);
    expect(mended?.['yxqz']).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(rows.indexOf(mended ?? {})).toBeGreaterThan(60);
    expect(box.expectations().filter(({ outcome }) => outcome === 'quarantined')).toEqual([]);
    expect(await box.mend()).toMatchObject({ mended: 0, files: [] });
  });

  it('go on after a restart where they stopped', async () => {
    const dir = folder();
    const first = await startSandbox({ dir, seed: 3, today: '2026-11-24', size });
    await first.advance(3);
    const before = await licences(first, 'pageSize=500');
    await first.close();
    const second = await startSandbox({ dir, seed: 99, today: '2030-01-01', size });
    onTestFinished(() => second.close());
    expect(second.today()).toBe('2026-11-27');
    expect(await licences(second, 'pageSize=500')).toEqual(before);
    expect(readdirSync(env(second, 'OFFICE_FOLDER'))).toHaveLength(4);
  });
});

describe('the control API', () => {
  it('shows state and expectations', async () => {
    const box = await sandbox();
    const state = await (await control(box, '/state')).json();
    expect(state).toMatchObject({
      today: '2026-11-24',
      bureaus: { broadcast: 100 },
      platforms: { 'credit-sharing': { held: 0 } },
    });
    const list = (await (await control(box, '/expectations')).json()) as { label: string; outcome: string }[];
    expect(list.some(({ label, outcome }) => label === '10.17-id-number' && outcome === 'quarantined')).toBe(true);
  });

  it('sets the script of a platform and of a bureau', async () => {
    const box = await sandbox();
    await control(box, '/platforms/credit-sharing/script', [{ answer: 'busy', times: 2 }]);
    expect(box.platforms['credit-sharing'].script().steps).toEqual([{ answer: 'busy', times: 2 }]);
    await control(box, '/bureaus/approval/script', [{ answer: 'garbage' }]);
    const headers = { authorization: `Bearer ${env(box, 'APPROVAL_TOKEN')}` };
    const answers: (string | null)[] = [];
    for (let i = 0; i < 2; i++)
      answers.push((await fetch(`${env(box, 'APPROVAL_URL')}/licences`, { headers })).headers.get('content-type'));
    expect(answers).toEqual(['text/html; charset=utf-8', 'application/json; charset=utf-8']);
  });

  it('says what is wrong with a script, a number of days or a name', async () => {
    const box = await sandbox();
    const wrong = [
      await control(box, '/platforms/credit-sharing/script', [{ answer: 'explode' }]),
      await control(box, '/platforms/nobody/held'),
      await control(box, '/bureaus/advance', { days: 0 }),
    ];
    expect(wrong.map(({ status }) => status)).toEqual([400, 400, 400]);
    expect(await wrong[0]?.json()).toMatchObject({ error: expect.stringContaining('accept') });
  });

  it('lets days go by', async () => {
    const box = await sandbox();
    expect(await (await control(box, '/bureaus/advance', { days: 7 })).json()).toMatchObject({ today: '2026-12-01' });
  });
});

describe('hub sandbox', () => {
  it('prints every setting that the jobs name, plays until the signal and then stops', async () => {
    const stop = new AbortController();
    const lines: string[] = [];
    const running = runSandbox({
      dir: folder(),
      today: '2026-11-24',
      size: { licences: 8, penalties: 4, enterprises: 4 },
      signal: stop.signal,
      print: (line) => {
        lines.push(line);
        if (line.includes('/bureaus/advance')) stop.abort();
      },
    });
    await running;
    const jobs = readdirSync('jobs')
      .map((file) => readFileSync(join('jobs', file), 'utf8'))
      .join('\n');
    const named = new Set([...jobs.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name));
    expect(named.size).toBeGreaterThan(10);
    expect([...named].filter((name) => !lines.some((line) => line.startsWith(`${name}=`)))).toEqual([]);
  });
});
