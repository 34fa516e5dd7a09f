import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { openDatabase, select } from '../../src/store/database.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { cleanUp, row } from '../support/hub.ts';
import { hub } from '../support/hub-process.ts';
import { platformServer } from '../support/platform-server.ts';

const ROWS = 5_000;

const pullYaml = (folder: string): string => `kind: pull
title: { zh: 归集, en: Pull }
division: 印刷发行处
source: { use: files, folder: "${folder}", settle: 0s }
type: licence/printing
id: id
mapping:
  number: number
  holder.name: name
  holder.creditCode: { from: code, as: credit-code }
  holder.legalRepresentative: person
  document.title: { const: 印刷经营许可决定书 }
  content: content
  decidedOn: { from: from, as: date }
  validFrom: { from: from, as: date }
  validUntil: { from: until, as: date }
  publicity: { const: 主动公开 }
  secrecyReviewed: { const: true }
samples:
  - raw: ${JSON.stringify(row(1))}
    gives: { status: valid }
`;

const pushYaml = (url: string): string => `kind: push
title: { zh: 报送, en: Push }
platform: { use: http, url: "${url}", batchSize: 400, sender: { code: 11450000007560019Y, name: 测试局 } }
types: { licence/printing: credit-sharing/licence-2018 }
`;

async function writeRows(file: string): Promise<void> {
  const out = createWriteStream(file);
  for (let number = 1; number <= ROWS; number += 1) {
    out.write(`${JSON.stringify(number % 1000 === 0 ? row(number, { code: '无效' }) : row(number))}\n`);
  }
  out.end();
  await finished(out);
}

onBothDatabases('a long pull and push on', ({ url }) => {
  test('take every record along once', async () => {
    const folder = temporaryFolder();
    const [jobs, inbox] = [join(folder, 'jobs'), join(folder, 'inbox')];
    for (const each of [jobs, inbox]) mkdirSync(each);
    await writeRows(join(inbox, 'all.ndjson'));
    const far = await platformServer();
    cleanUp(() => far.close());
    writeFileSync(join(jobs, 'pull-long.yaml'), pullYaml(inbox));
    writeFileSync(join(jobs, 'push-long.yaml'), pushYaml(far.url));
    const database = await url();
    const env = {
      HUB_DATABASE_URL: database,
      HUB_DATA_DIR: join(folder, 'data'),
      HUB_JOBS_DIR: jobs,
      HUB_SCHEMAS_DIR: join(import.meta.dirname, '../../schemas'),
    };
    const { code, stdout, stderr } = await hub(['run', 'pull-long', 'push-long', '--json'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject([
      { counts: { read: ROWS, accepted: ROWS - 5, quarantined: 5 } },
      { counts: { sealed: ROWS - 5, accepted: ROWS - 5, rejected: 0, unsettled: 0 } },
    ]);
    const sent = far.requests.flatMap(({ body }) =>
      (JSON.parse(body.toString()).records as { rowId: string }[]).map(({ rowId }) => rowId),
    );
    expect(new Set(sent).size).toBe(ROWS - 5);
    expect(sent).toHaveLength(ROWS - 5);
    const db = await openDatabase(database);
    cleanUp(() => db.destroy());
    const [kept] = await select<{ n: number }>(db, 'SELECT COUNT(*) AS n FROM records');
    expect(Number(kept?.n)).toBe(ROWS - 5);
  }, 60_000);
});
