import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The two job files of a fault run. */
export interface RigJobs {
  /** Where the bureau drops its files. */
  readonly inbox: string;
  readonly url: string;
  /** The push job's `platform`, as YAML members; absent: the far platform over HTTP. */
  readonly platform?: string | undefined;
  /** First Friday of a weekly duty; absent: pushed when told to. */
  readonly goLive?: string | undefined;
}

export function writeJobs(folder: string, jobs: RigJobs): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'pull-faults.yaml'), pullYaml(jobs));
  writeFileSync(join(folder, 'push-faults.yaml'), pushYaml(jobs));
}

const pullYaml = ({ inbox, goLive }: RigJobs): string => `kind: pull
title: { zh: 归集, en: Pull }
division: 印刷发行处
${goLive === undefined ? '' : 'schedule: { cron: "0 3 * * *", catchUp: 60d }\n'}source: { use: files, folder: "${inbox}", settle: 0s }
type: licence/printing
id: id
mapping:
  number: { from: number, as: licence-number }
  holder.name: { from: name, as: name }
  holder.creditCode: { from: code, as: credit-code }
  holder.legalRepresentative: person
  document.title: { const: 印刷经营许可决定书 }
  content: content
  decidedOn: { from: from, as: date }
  validFrom: { from: from, as: date }
  validUntil: { from: until, as: date }
  status: status
  statusDate: { from: ended, as: date }
  publicity: { const: 主动公开 }
  secrecyReviewed: { const: true }
  revisedAt: { from: revised, as: timestamp }
samples:
  - raw: { id: r, number: （桂）印证字第450000123号, name: 南宁某某有限公司, code: 91450100MA5KA0017F, person: 试验, content: 印刷, from: 2025-01-06, until: 2030-01-05, status: valid }
    gives: { status: valid }
`;

const pushYaml = ({ url, platform = overHttp(url), goLive }: RigJobs): string => `kind: push
title: { zh: 报送, en: Push }
${goLive === undefined ? '' : `duty: { basis: 试验, every: friday, start: "09:00", due: "18:00", grace: 1d, goLive: ${goLive} }\n`}platform:
${platform}
types: { licence/printing: credit-sharing/licence-2018 }
`;

const overHttp = (url: string): string => `  use: http
  url: ${url}
  auth: { bearer: "\${FAULTS_TOKEN}" }
  batchSize: 50
  concurrency: 2
  timeout: 1
  notProcessed: [429, 503]
  answerWithin: 48h`;
