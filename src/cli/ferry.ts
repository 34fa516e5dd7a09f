import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { type Channel, readChannel } from '../carry/channel-file.ts';
import { confirmChannel } from '../carry/confirm-channel.ts';
import { acceptFerry, type FerryVerdict } from '../carry/ferry-accept.ts';
import { arrivingLane } from '../carry/ferry-lanes.ts';
import { type Packed, packBatches, packReturns } from '../carry/ferry-pack.ts';
import { type HandedOn, handOn } from '../carry/hand-on.ts';
import { filesOn } from '../carry/medium.ts';
import { takeReturns } from '../carry/take-returns.ts';
import type { PushJob } from '../job/job.ts';
import type { FerryPlatformSpec } from '../platform-spec.ts';
import { newSm2Pair } from '../wire/sm2.ts';
import { actor } from './actor.ts';
import { positive } from './argument.ts';
import type { Act, Define } from './command.ts';
import { type OpenDatabase, withDatabase } from './open.ts';
import { plain, print, printJson, wrongUsage } from './print.ts';
import { followUp, withPlatform } from './push-platform.ts';
import { untilSignal } from './signal.ts';

/** `hub ferry pack|accept|keys`: packages over an air gap, docs/platform-ferry.md. */
export const ferryCommand: Define = (program, act) => {
  const group = program.command('ferry').description('摆渡：经介质跨网传递的包 (packages carried over an air gap)');
  definePack(group, act);
  defineAccept(group, act);
  group
    .command('keys')
    .description('生成一对 SM2 密钥和一把共享密钥 (a new SM2 pair and a new shared key)')
    .action(
      act(async () => {
        const { privateKey, publicKey } = newSm2Pair();
        printJson({ signKey: privateKey, publicKey, key: randomBytes(32).toString('hex') });
        return 0;
      }),
    );
};

interface Chosen {
  readonly platform?: string;
  readonly channel?: string;
  readonly number?: number;
  readonly to?: string;
  readonly reason: string;
  readonly json?: boolean;
}

const ends = (command: Command): Command =>
  command
    .option('--platform <name>', '本端：经摆渡报送的平台 (near end: the platform)')
    .option('--channel <file>', '对端：通道文件 (far end: the channel file)')
    .requiredOption('--reason <text>', '说明，写入日志 (why; goes into the log)')
    .option('--json', '输出 JSON (print JSON)');

function definePack(group: Command, act: Act): void {
  ends(
    group
      .command('pack')
      .description(
        '写出待摆渡的包；对端则打包回执 (write packages for the medium; at the far end, the return receipts)',
      )
      .option('--number <n>', '自此号起重写，补缺用 (write again from this number on)', positive)
      .option('--to <folder>', '写到此目录，如介质 (into this folder, such as the medium)'),
  ).action(
    act(async (options: Chosen) => {
      const { number, to, reason, json } = options;
      return atEnd(options, {
        near: async (hub, job, spec, by) => {
          const platform = { name: job.platformName, spec, hubId: hub.settings.hubId };
          const { db, now } = hub;
          return printPacked(await packBatches(platform, { db, now, actor: by, reason, number, to }), json);
        },
        far: async (channel, { db }, by) => {
          const packing = { db, now: () => new Date(), actor: by, reason, number, to };
          return printPacked(await packReturns(channel, packing), json);
        },
      });
    }),
  );
}

function printPacked(packed: readonly Packed[], json: boolean | undefined): number {
  if (json) printJson(packed);
  else if (packed.length === 0) print('没有待摆渡的包 (nothing waits to be packed)');
  else for (const { name, outcome } of packed) print(`✓ ${name}${outcome === 'there' ? '  已在 (there already)' : ''}`);
  return 0;
}

function defineAccept(group: Command, act: Act): void {
  ends(
    group
      .command('accept <path>')
      .description(
        '收取介质上的包：验签、验序、转交；本端则收回执 (take packages off the medium: verify, in order, hand on)',
      ),
  ).action(
    act(async (path: string, options: Chosen) => {
      const { reason, json } = options;
      const files = filesOn(path);
      return atEnd(options, {
        near: async (hub, job, spec, by) => {
          const verdicts = await takeReturns(hub, job, spec, { files, actor: by, reason });
          await followUp(hub, job, { by, reason, batches: [] });
          return printAccepted(verdicts, [], json);
        },
        far: async (channel, { db, settings }, by) => {
          const dock = { db, now: () => new Date(), actor: by, reason, keepContent: true };
          const { channel: name, hub, key, trust } = channel;
          const verdicts = await acceptFerry(files, {
            ...dock,
            lane: arrivingLane(name),
            trust: { channel: name, direction: 'out', hub, key, trust },
            alsoKeep: async () => {},
          });
          const { allowedHosts } = settings;
          const handed = await untilSignal((signal) => handOn({ ...dock, channel, allowedHosts, signal }));
          return printAccepted(verdicts, handed, json);
        },
      });
    }),
  );
}

interface Ends {
  readonly near: (
    hub: Parameters<Parameters<typeof withPlatform>[1]>[0],
    job: PushJob,
    spec: FerryPlatformSpec,
    by: string,
  ) => Promise<number>;
  readonly far: (channel: Channel, opened: OpenDatabase, by: string) => Promise<number>;
}

/** The near end is a platform of this hub, the far end a channel file beside it. */
function atEnd({ platform, channel, reason }: Chosen, { near, far }: Ends): Promise<number> {
  if ((platform === undefined) === (channel === undefined)) {
    throw wrongUsage(
      '请写 --platform 或 --channel 之一',
      'give either --platform or --channel',
      '本端写平台，对端写通道文件 (near end: platform; far end: channel file)',
    );
  }
  if (channel !== undefined) {
    return withDatabase(async (opened) => {
      const { env, settings, db } = opened;
      const read = readChannel(channel, env, settings.allowedHosts);
      const asks = { by: actor(env), reason, now: new Date() };
      if (settings.approvals) await confirmChannel(db, { channel: read, path: channel, env }, asks);
      return far(read, opened, actor(env));
    });
  }
  return withPlatform(platform ?? '', (hub, job, by) => {
    if (job.platform.use === 'ferry') return near(hub, job, job.platform, by);
    throw wrongUsage(
      `平台 ${platform} 不经摆渡`,
      `platform ${platform} is not reached by ferry`,
      '见其作业的 platform.use (see platform.use of its job)',
    );
  });
}

function printAccepted(
  verdicts: readonly FerryVerdict[],
  handed: readonly HandedOn[],
  json: boolean | undefined,
): number {
  if (json) printJson({ packages: verdicts, handedOn: handed });
  else {
    for (const { file, outcome, code, zh, en } of verdicts) {
      if (outcome === 'refused') print(`✗ ${plain(file)}  ${plain(zh ?? '')} (${plain(en ?? '')}) [${code}]`);
      else print(`✓ ${plain(file)}${outcome === 'repeated' ? '  曾收过 (taken before)' : ''}`);
    }
    for (const { number, outcome, reason } of handed)
      print(`  ${number} → ${outcome} ${plain(reason ?? '')}`.trimEnd());
    if (verdicts.length === 0) print('没有摆渡包 (no packages there)');
  }
  const [first] = verdicts.flatMap(({ code }) => code ?? []);
  return first === undefined ? 0 : (EXIT[first] ?? 1);
}

/** As for the log and its packs: 10 bad signature · 11 fork · 12 gap · 15 wrong content. */
const EXIT: { readonly [code: string]: number } = {
  FERRY_FORGED: 10,
  FERRY_FORKED: 11,
  FERRY_CONTRADICTED: 11,
  FERRY_GAP: 12,
  FERRY_ALTERED: 15,
  FERRY_UNREADABLE: 15,
};
