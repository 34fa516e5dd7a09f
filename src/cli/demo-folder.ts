import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HubError } from '../errors.ts';
import type { Environment } from '../settings.ts';

/** What a shell reads so that `hub` in it means the demo: its data, and the addresses of the simulated systems. Returns the path. */
export function writeDemoSettings(dir: string, env: Environment): string {
  const file = join(dir, 'demo.env');
  const lines = Object.entries(env).map(([name, value]) => `${name}='${(value ?? '').replaceAll("'", "'\\''")}'\n`);
  writeFileSync(file, lines.join(''), { mode: 0o600 });
  return file;
}

const MARK = '.zhengxin-hub-demo';

/** Empties the demo's own folder; one that the demo did not make is left alone. */
export function freshDemoFolder(dir: string): void {
  if (existsSync(dir) && readdirSync(dir).length > 0 && !existsSync(join(dir, MARK))) {
    throw new HubError('DEMO_FOLDER_FOREIGN', `${dir} 不是演示建立的文件夹 (this folder was not made by the demo)`, {
      remedy: 'give-up',
      fix: '请移走它，或换一个工作目录运行演示 (move it away, or run the demo in another directory)',
    });
  }
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, MARK), '演示数据，可随时删除 (data of the demo; may be deleted at any time)\n');
}
