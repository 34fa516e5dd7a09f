import { type Authority, authorityOn } from './authorities.ts';
import { dateOf, dayNumber, termEnd } from './days.ts';
import { enterpriseHolder, type Holder, naturalPerson } from './holders.ts';
import { licenceNumber } from './licences.ts';
import { type Random, randomFrom } from './random.ts';
import type { Row, World } from './world.ts';

interface Violation {
  readonly field: 'broadcast' | 'press';
  readonly what: string;
  readonly facts: string;
  readonly basis: string;
}

const VIOLATIONS: readonly [Violation, ...Violation[]] = [
  {
    field: 'press',
    what: '擅自从事出版物批发业务',
    facts: '经查，当事人未取得出版物经营许可证，擅自从事出版物批发业务。',
    basis: '《出版管理条例》第六十一条',
  },
  {
    field: 'press',
    what: '未按规定建立印刷品承印登记制度',
    facts: '检查发现，当事人承印出版物未按规定建立承印登记制度，未留存印刷委托书。',
    basis: '《印刷业管理条例》第三十八条',
  },
  {
    field: 'broadcast',
    what: '超出许可范围制作广播电视节目',
    facts: '当事人超出许可证载明的范围，制作并发行专题类广播电视节目。',
    basis: '《广播电视管理条例》第四十八条',
  },
  {
    field: 'broadcast',
    what: '擅自设立广播电视节目制作经营单位',
    facts: '当事人未取得广播电视节目制作经营许可证，擅自从事节目制作经营活动。',
    basis: '《广播电视节目制作经营管理规定》第二十五条',
  },
];

/**
 * One penalty in the columns of the penalty system, free of faults. `fkje_wy` is in 万元, `msje` in 元:
 * the two units stand side by side in the real tables too. Decisions run from 2017 to the day before today,
 * in the order of the index.
 */
export function penaltyRow(world: World, index: number, wanted: 'any' | 'company'): Row {
  const random = randomFrom(world.seed, 'penalty', index);
  const decidedOn = decisionDay(world, index);
  const violation = random.pick(VIOLATIONS);
  const authority = authorityOn(decidedOn, violation.field);
  const party = partyOf(world, random, wanted === 'any' && index % 12 === 5 ? index : undefined);
  return {
    jdsh: documentNumber(authority, decidedOn, index),
    jdsmc: '行政处罚决定书',
    ...partyColumns(party),
    wfxw: violation.what,
    wfss: violation.facts,
    cfyj: violation.basis,
    ...sanction(world, random, index),
    jdrq: decidedOn,
    cfyxq: '2099-12-31',
    ...publicity(decidedOn, index),
    cfjg: authority.name,
    sjly: authority.name,
    zt: '1',
    ztrq: '',
    ztyy: '',
    gkqk: '主动公开',
    bmsc: '是',
    bz: '',
  };
}

function partyOf(world: World, random: Random, person: number | undefined): Holder {
  if (person !== undefined) return naturalPerson(world, 500_000 + person);
  return enterpriseHolder(world, random.int(0, Math.max(1, world.size.enterprise) - 1));
}

const FIRST_DAY = '2017-01-09';

function decisionDay(world: World, index: number): string {
  const last = dayNumber(world.today) - 1;
  if (index >= world.size.penalty) return dateOf(last - (index % 3));
  const first = Math.min(dayNumber(FIRST_DAY), last);
  const share = Math.min(1, (index + 1) / Math.max(1, world.size.penalty));
  return dateOf(first + Math.floor((last - first) * share));
}

const documentNumber = (authority: Authority, decidedOn: string, index: number): string =>
  `${authority.penaltyPrefix}〔${decidedOn.slice(0, 4)}〕${(index % 99_999) + 1}号`;

const partyColumns = (party: Holder): Row => ({
  dsrmc: party.name,
  dsrlb: party.kind,
  tyshxydm: party.creditCode,
  fddbr: party.legalRepresentative,
  zjlx: party.idNumber === '' ? '' : '身份证',
  zjhm: party.idNumber,
});

function sanction(world: World, random: Random, index: number): Row {
  const thousands = random.int(2, 90);
  const fine = { fkje_wy: (thousands / 10).toFixed(6), msje: '', zkdx: '' };
  if (index % 7 === 2) return { cflb: '警告', cfnr: '给予警告', fkje_wy: '', msje: '', zkdx: '' };
  if (index % 7 === 4) {
    const taken = `${random.int(800, 30_000)}.${random.int(10, 99)}`;
    return { ...fine, cflb: '罚款;没收违法所得', cfnr: `罚款${thousands}000元，没收违法所得${taken}元`, msje: taken };
  }
  if (index % 17 === 8) {
    const licence = `印刷经营许可证 ${licenceNumber('printing', index % Math.max(1, world.size.printing))}`;
    return { ...fine, cflb: '罚款;吊销许可证件', cfnr: `罚款${thousands}000元，吊销许可证`, zkdx: licence };
  }
  return { ...fine, cflb: '罚款', cfnr: `罚款人民币${thousands}000元` };
}

/** Graded after 发改委令第36号: at most 1 year for ordinary cases, 3 for grave ones. */
function publicity(decidedOn: string, index: number): Row {
  if (index % 7 === 2) return { yzcd: '轻微', jycx: '是', gsjzq: termEnd(decidedOn, 1) };
  if (index % 17 === 8) return { yzcd: '严重', jycx: '否', gsjzq: termEnd(decidedOn, 3) };
  return { yzcd: '一般', jycx: '否', gsjzq: termEnd(decidedOn, 1) };
}
