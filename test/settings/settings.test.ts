import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { looseEnvFile } from '../../src/cli/env-file.ts';
import { readEnvironment, readSettings } from '../../src/settings.ts';

const faultsOf = (env: { [name: string]: string }): string[] => readSettings(env).faults.map(({ where }) => where);

describe('settings', () => {
  it('has defaults that need nothing', () => {
    const { settings, faults } = readSettings({ PATH: '/bin' });
    expect(faults).toEqual([]);
    expect(settings).toEqual({
      alarm: {},
      databaseUrl: 'sqlite:data/hub.db',
      listen: { host: '127.0.0.1', port: 8710 },
      dataDir: 'data',
      jobsDir: 'jobs',
      schemasDir: 'schemas',
      timezone: 'Asia/Shanghai',
      traceLevel: 'info',
      allowedHosts: [],
      hubId: 'zhengxin-hub',
      approvals: false,
      secondFactor: false,
      resyncApproval: 100,
      signerKey: 'data/signer.key',
    });
  });

  it('keeps the database beside the other data', () => {
    expect(readSettings({ HUB_DATA_DIR: '/srv/hub' }).settings.databaseUrl).toBe('sqlite:/srv/hub/hub.db');
  });

  it('lists every fault at once', () => {
    const env = {
      HUB_DATABASE_URL: 'postgres://x',
      HUB_LISTEN: '0.0.0.0:80',
      HUB_TIMEZONE: 'Asia/Nanning',
      HUB_TRACE_LEVEL: 'loud',
      HUB_ALLOWED_HOSTS: 'http://a/b',
      HUB_ID: 'Mein Hub',
      HUB_LISTNE: '1',
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
    };
    expect(faultsOf(env).sort()).toEqual(Object.keys(env).sort());
  });

  it('asks whether a mistyped name meant a known one', () => {
    const [fault] = readSettings({ HUB_DATABSE_URL: 'sqlite:x' }).faults;
    expect(fault?.en).toContain('did you mean HUB_DATABASE_URL?');
    expect(fault?.zh).toContain('HUB_DATABASE_URL');
  });

  it('never repeats a password of a wrong address', () => {
    const { faults } = readSettings({ HUB_DATABASE_URL: 'mysql://hub:pa55word@' });
    expect(faults).toHaveLength(1);
    expect(JSON.stringify(faults)).not.toContain('pa55word');
  });

  it.each(['127.0.0.1:0', '127.8.9.1:8710', 'localhost:8710', '[::1]:8710', '[0:0:0:0:0:0:0:1]:1'])(
    'listens on loopback %s',
    (listen) => {
      expect(faultsOf({ HUB_LISTEN: listen })).toEqual([]);
    },
  );

  it.each([
    '0.0.0.0:8710',
    '[::]:8710',
    '10.1.2.3:8710',
    'hub.gov.cn:8710',
    '127.0.0.1:70000',
    '8710',
    '127.0.0.1',
    '[::ffff:1]:80',
  ])('refuses to listen on %s', (listen) => {
    expect(faultsOf({ HUB_LISTEN: listen })).toEqual(['HUB_LISTEN']);
  });

  it('warns of a .env with secrets in it that others may read, and of no other', () => {
    const dir = mkdtempSync(join(tmpdir(), 'hub-env-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const file = join(dir, '.env');
    const seen = (text: string, mode: number, platform?: NodeJS.Platform) => {
      writeFileSync(file, text);
      chmodSync(file, mode);
      return looseEnvFile(dir, platform);
    };
    const secret = 'HUB_ID=a\nCREDIT_TOKEN=canary\n';
    expect(seen(secret, 0o644)).toMatchObject({ mode: '0644', fix: `chmod 600 ${file}` });
    expect(JSON.stringify(seen(secret, 0o644))).not.toContain('canary');
    expect(seen('HUB_DATABASE_URL=mysql://hub:canary@db/hub\n', 0o640)).toMatchObject({ mode: '0640' });
    expect([seen(secret, 0o600), seen('HUB_ID=a\nEMPTY_TOKEN=\n', 0o644), seen(secret, 0o644, 'win32')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('reads .env from the working directory, and the environment wins', () => {
    const dir = mkdtempSync(join(tmpdir(), 'hub-env-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    writeFileSync(join(dir, '.env'), 'HUB_DATA_DIR="from file" # comment\nHUB_ID=a\n');
    const env = readEnvironment(dir, { HUB_ID: 'b' });
    expect(env).toEqual({ HUB_DATA_DIR: 'from file', HUB_ID: 'b' });
  });
});
