import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadAlarmFile } from '../../src/job/alarm-file.ts';
import { loadJobs } from '../../src/job/job-file.ts';
import { pullJob } from '../support/hub.ts';

function load(text: string) {
  const dir = mkdtempSync(join(tmpdir(), 'hub-alarms-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'alarms.yaml'), text);
  return { dir, ...loadAlarmFile(dir, {}, [pullJob()]) };
}

it('reads whom a division mail goes to and what ends when, and takes the file for no job', () => {
  const { dir, alarms, faults } = load(`kind: alarms
divisions:
  印刷发行处: [office@example.invalid]
watch:
  - { what: 信用共享平台令牌, expires: 2027-03-01, mend: 申请新令牌 }
`);
  expect(faults).toEqual([]);
  expect(alarms).toEqual({
    divisions: { 印刷发行处: ['office@example.invalid'] },
    watch: [{ what: '信用共享平台令牌', expires: '2027-03-01', mend: '申请新令牌' }],
  });
  expect(loadJobs(dir, {}, { types: new Map(), forms: new Map() })).toMatchObject({ jobs: [], faults: [] });
});

it('names every fault with its line', () => {
  const { faults } = load(`kind: alarms
divisions:
  印刷发行: [office@example.invalid]
  印刷发行处: ["nobody\\r\\nBcc: x@example.invalid", ok@example.invalid]
watch:
  - { what: 令牌, expires: 2027-13-01 }
  - { expires: 2027-03-01, who: me }
`);
  expect(faults.map(({ line }) => line)).toEqual([3, 4, 6, 7, 7]);
  expect(faults[0]?.zh).toContain('印刷发行处');
});
