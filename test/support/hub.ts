import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { calendarFile, loadCalendar } from '../../src/calendar/load-calendar.ts';
import { workCalendar } from '../../src/calendar/work-calendar.ts';
import { sha256 } from '../../src/canonical.ts';
import { type SignerMemory, signerInMemory } from '../../src/evidence/signer-files.ts';
import type { Hub } from '../../src/hub-context.ts';
import type { Job, PullJob, PushJob } from '../../src/job/job.ts';
import type { JsonObject } from '../../src/json.ts';
import type { HttpPlatformSpec } from '../../src/platform-spec.ts';
import { loadSchemas } from '../../src/schema/schema.ts';
import type { Page, Source } from '../../src/source.ts';
import { silentTrace } from '../../src/trace.ts';
import { openTestDatabase } from './databases.ts';

const { schemas, faults } = loadSchemas(join(import.meta.dirname, '../../schemas'));
if (faults.length > 0) throw new Error(JSON.stringify(faults));

/** The project's own work calendar. */
export const calendar = workCalendar(loadCalendar(calendarFile(join(import.meta.dirname, '../../schemas'))).table);

export { schemas };

export const NOW = new Date('2026-11-27T02:00:00Z');

/** A hub on a database of this test, with the project's own schemas. Set `clock.now` to travel. `own`: the test signs the log itself. */
export async function openTestHub(
  url: string,
  jobs: readonly Job[],
  clock: { now: Date } = { now: NOW },
  options: { readonly signer?: 'own' } = {},
): Promise<Hub> {
  const db = await openTestDatabase(url);
  return {
    settings: {
      databaseUrl: url,
      listen: { host: '127.0.0.1', port: 0 },
      dataDir: 'data',
      jobsDir: 'jobs',
      schemasDir: 'schemas',
      timezone: 'Asia/Shanghai',
      traceLevel: 'error',
      allowedHosts: [],
      hubId: 'hub-under-test',
      alarm: {},
      approvals: false,
      secondFactor: false,
      resyncApproval: 100,
      signerKey: 'data/signer.key',
    },
    jobs,
    alarms: { divisions: {}, watch: [] },
    types: schemas.types,
    forms: schemas.forms,
    calendar,
    schemasDigest: schemas.digest,
    secrets: [],
    db,
    trace: silentTrace,
    ...(options.signer === 'own' ? {} : { signer: signerOf(url) }),
    now: () => clock.now,
    localDate: (instant) => new Date(instant.getTime() + 8 * 3_600_000).toISOString().slice(0, 10),
    close: async () => {},
  };
}

const signers = new Map<string, SignerMemory>();

/** The signer of a database remembers it whatever hub is opened on it. */
function signerOf(url: string): SignerMemory {
  const signer = signers.get(url) ?? signerInMemory('hub-under-test/delivery-log');
  signers.set(url, signer);
  return signer;
}

/** One bureau that has printing licences, its rows already in the hub's words. */
export const pullJob = (change: Partial<PullJob> = {}): PullJob => ({
  kind: 'pull',
  name: 'pull-printing',
  file: 'jobs/pull-printing.yaml',
  title: { zh: '归集', en: 'Pull' },
  division: '印刷发行处',
  source: { use: 'files', folder: '/nowhere' },
  type: 'licence/printing',
  id: 'id',
  mapping: {
    number: 'number',
    'holder.name': 'name',
    'holder.creditCode': { from: 'code', as: 'credit-code' },
    'holder.legalRepresentative': 'person',
    'document.title': { const: '印刷经营许可决定书' },
    content: 'content',
    decidedOn: { from: 'from', as: 'date' },
    validFrom: { from: 'from', as: 'date' },
    validUntil: { from: 'until', as: 'date' },
    status: { from: 'status', default: 'valid' },
    statusDate: { from: 'ended', as: 'date' },
    publicity: { from: 'publicity', default: '主动公开' },
    nonDisclosureReason: 'why',
    secrecyReviewed: { const: true },
    revisedAt: { from: 'revised', as: 'timestamp' },
  },
  samples: [],
  ...change,
});

export const pushJob = (url: string, change: Partial<HttpPlatformSpec> = {}): PushJob => ({
  kind: 'push',
  name: 'push-credit-sharing',
  file: 'jobs/push-credit-sharing.yaml',
  title: { zh: '报送', en: 'Push' },
  platformName: 'credit-sharing',
  platform: {
    use: 'http',
    url,
    timeout: 2,
    batchSize: 10,
    sender: { code: '11450000007560019Y', name: '测试局' },
    ...change,
  },
  types: { 'licence/*': ['credit-sharing/licence-2018', 'credit-sharing/licence-2018-natural'] },
});

/** A sound row of that bureau. */
export const row = (number: number, change: JsonObject = {}): JsonObject => ({
  id: `row-${number}`,
  number: `（桂）印证字第${450000000 + number}号`,
  name: `南宁某某印刷第${number}有限公司`,
  code: '91450100MA5KA0017F',
  person: '韦某某',
  content: '出版物印刷',
  from: '2026-11-20',
  until: '2031-11-19',
  ...change,
});

let pages = 0;

export function page(rows: readonly JsonObject[], change: Partial<Page> = {}): Page {
  pages += 1;
  return {
    externalId: `page-${pages}`,
    sha256: sha256(JSON.stringify([pages, rows])),
    endOfIntake: true,
    rows: rows.map((fields, index) => ({ rowNo: index + 1, raw: JSON.stringify(fields), fields, faults: [] })),
    cursor: { page: pages },
    ...change,
  };
}

/** A bureau that gives these pages, whatever cursor it is asked from; a page that is an error is thrown. */
export const sourceOf = (...given: readonly (Page | Error)[]): Source => ({
  async *pages() {
    for (const each of given) {
      if (each instanceof Error) throw each;
      yield each;
    }
  },
  close: async () => {},
});

export const cleanUp = (work: () => unknown): void => void onTestFinished(async () => void (await work()));
