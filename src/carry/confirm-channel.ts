import { readFileSync } from 'node:fs';
import { settingsText } from '../accounts/configuration-items.ts';
import { type Matter, matterDigest, secondPerson, waitingFor } from '../accounts/requests.ts';
import { sha256 } from '../canonical.ts';
import { secretsOf } from '../job/job-secrets.ts';
import { readYaml, VARIABLE } from '../job/yaml-file.ts';
import type { Environment } from '../settings.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { listRequests } from '../store/requests.ts';
import type { Channel } from './channel-file.ts';

const KIND = 'ferry.channel';

/**
 * With HUB_APPROVALS=on a channel file, which decides whom the far end trusts and where batches go, works only as a second person
 * last approved it. A new private or shared key under the same name of its variable is no change. Throws APPROVAL_OPEN.
 */
export async function confirmChannel(
  db: Db,
  { channel, path, env }: { readonly channel: Channel; readonly path: string; readonly env: Environment },
  asks: { readonly by: string; readonly reason: string; readonly now: Date },
): Promise<void> {
  const matter = matterOf(channel, path, env);
  const used = await listRequests(db, { kind: KIND, states: ['used'] });
  const last = used.find(({ detail }) => detail['channel'] === channel.channel);
  if (last?.digest === matterDigest(matter)) return;
  const step = await inTransaction(db, (tx) => secondPerson(tx, { ...matter, ...asks }));
  if ('waiting' in step) throw waitingFor(step.waiting);
}

function matterOf({ channel, hub, trust, to, key, signKey }: Channel, path: string, env: Environment): Matter {
  const text = readFileSync(path, 'utf8');
  const names = [...text.matchAll(VARIABLE)].map(([, name = '']) => name);
  const secrets = [key, signKey, ...secretsOf(readYaml(path, text, env), env)];
  const where = 'folder' in to ? { folder: to.folder } : { platform: to.platform.use };
  const settings: { [name: string]: string } = JSON.parse(settingsText(names, env, secrets));
  return { kind: KIND, detail: { channel, hub, trust, to: where, file: sha256(text), settings } };
}
