import { authorityOn } from './authorities.ts';
import { addDays, termEnd } from './days.ts';
import { enterpriseHolder, type Holder, naturalPerson } from './holders.ts';
import { randomFrom } from './random.ts';
import type { LicenceKind, Row, World } from './world.ts';

interface LicenceType {
  readonly certificate: string;
  readonly content: string;
  readonly field: 'broadcast' | 'press';
  /** Years; 0 = without end. */
  readonly years: number;
  readonly prefix: string;
  readonly title: (holder: string) => string;
  readonly number: (serial: number) => string;
}

const pad = (serial: number, width: number): string => String(serial).padStart(width, '0');

const TYPES: { readonly [kind in LicenceKind]: LicenceType } = {
  broadcast: {
    certificate: '广播电视节目制作经营许可证',
    content: '制作、发行广播电视节目（时政新闻及同类专题、专栏等广播电视节目除外）',
    field: 'broadcast',
    years: 2,
    prefix: 'GB',
    title: (holder) => `关于准予${holder}从事广播电视节目制作经营活动的决定`,
    number: (serial) => `（桂）字第${pad(serial, 5)}号`,
  },
  publication: {
    certificate: '出版物经营许可证',
    content: '图书、报纸、期刊、音像制品、电子出版物批发',
    field: 'press',
    years: 5,
    prefix: 'CB',
    title: (holder) => `关于准予${holder}从事出版物批发业务的决定`,
    number: (serial) => `新出发桂批字第${pad(serial, 4)}号`,
  },
  printing: {
    certificate: '印刷经营许可证',
    content: '出版物、包装装潢印刷品、其他印刷品印刷',
    field: 'press',
    years: 4,
    prefix: 'YS',
    title: (holder) => `关于准予${holder}从事印刷经营活动的决定`,
    number: (serial) => `（桂）印证字第45${pad(serial, 7)}号`,
  },
};

/** The certificate's number alone, for records that speak of a licence. */
export const licenceNumber = (kind: LicenceKind, index: number): string => TYPES[kind].number(index + 1);

/** One licence in the approval system's own columns, free of faults. Dates `YYYY-MM-DD`. */
export function licenceRow(world: World, kind: LicenceKind, index: number, wanted: 'any' | 'company'): Row {
  const type = TYPES[kind];
  const random = randomFrom(world.seed, kind, index);
  const holder =
    wanted === 'any' && isOfPerson(kind, index) ? naturalPerson(world, index) : company(world, kind, index);
  const longTerm = kind === 'printing' && index % 9 === 4;
  // Beyond the size of the world: issued in the days just before.
  const isNew = index >= world.size[kind];
  const age = isNew ? random.int(1, 3) : longTerm ? random.int(2000, 4300) : random.int(30, type.years * 365 - 40);
  const decidedOn = addDays(world.today, -age);
  const validFrom = addDays(decidedOn, random.int(0, 20));
  const authority = authorityOn(decidedOn, type.field);
  return {
    lsh: `${type.prefix}${pad(index + 1, 8)}`,
    xkzbh: type.number(index + 1),
    zsmc: type.certificate,
    ...holderColumns(holder),
    jdwsmc: type.title(holder.name),
    jdwsh: `${authority.licencePrefix}〔${decidedOn.slice(0, 4)}〕${(index % 99_999) + 1}号`,
    xklb: '普通',
    xknr: type.content,
    jdrq: decidedOn,
    yxqz: validFrom,
    yxjz: longTerm ? '长期' : termEnd(validFrom, type.years),
    fzjg: authority.name,
    sjlydw: authority.name,
    ...statusColumns(world, index),
    gkqk: '主动公开',
    bmsc: '是',
    bz: '',
  };
}

const isOfPerson = (kind: LicenceKind, index: number): boolean => kind === 'printing' && index % 53 === 17;

function company(world: World, kind: LicenceKind, index: number): Holder {
  const random = randomFrom(world.seed, kind, index, 'holder');
  return enterpriseHolder(world, random.int(0, Math.max(1, world.size.enterprise) - 1));
}

const holderColumns = (holder: Holder): Row => ({
  qymc: holder.name,
  xdrlb: holder.kind,
  tyshxydm: holder.creditCode,
  fddbr: holder.legalRepresentative,
  zjlx: holder.idNumber === '' ? '' : '身份证',
  zjhm: holder.idNumber,
});

/** 1 有效 2 吊销 3 撤销 4 注销 5 暂扣 6 失效. A few were withdrawn before anybody asked. */
function statusColumns(world: World, index: number): Row {
  if (index % 37 === 19) return { zt: '4', ztrq: addDays(world.today, -(index % 60) - 1), ztyy: '持证单位申请注销' };
  if (index % 101 === 44)
    return { zt: '2', ztrq: addDays(world.today, -(index % 40) - 1), ztyy: '违反许可条件，依法吊销' };
  return { zt: '1', ztrq: '', ztyy: '' };
}
