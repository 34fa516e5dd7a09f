import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { temporaryFolder } from '../support/databases.ts';
import { PASSWORD } from './support.ts';

const root = join(import.meta.dirname, '../..');

/** The real program in a folder of this test; `input` goes to its standard input. */
export function machine(database: string, settings: { readonly [name: string]: string } = {}) {
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, 'jobs'));
  const hub = async (words: string, { as, input = '' }: { as?: string; input?: string } = {}) => {
    const child = spawn(process.execPath, [join(root, 'src/hub.js'), ...words.split(' ')], {
      cwd,
      env: {
        PATH: process.env['PATH'],
        SUDO_USER: 'somebody',
        HUB_SCHEMAS_DIR: join(root, 'schemas'),
        HUB_DATABASE_URL: database,
        ...settings,
        ...(as === undefined ? {} : { HUB_USER: as }),
      },
    });
    child.stdin.end(input);
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { code, out, err };
  };
  const arrive = async (words: string, name: string, as?: string) => {
    const { out } = await hub(`user add ${name} ${words} --reason 到岗 --json`, as === undefined ? {} : { as });
    const { token } = JSON.parse(out);
    const set = await hub(`user password ${name} --password-stdin`, { input: `${token}\n${PASSWORD}\n` });
    const login = await hub(`login --user ${name} --password-stdin`, { input: `${PASSWORD}\n` });
    expect([set.code, login.code]).toEqual([0, 0]);
    return [out, set.out, set.err, login.out, login.err].join('\n');
  };
  return { cwd, hub, arrive };
}
