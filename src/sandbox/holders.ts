import { dateOf, dayNumber, termEnd } from './days.ts';
import { CITIES, type City, GIVEN, SECOND_STYLES, STYLES, SURNAMES, TRADES } from './guangxi.ts';
import { citizenIdOf, creditCodeOf, registrationNumberOf } from './made-up-codes.ts';
import { type Random, randomFrom } from './random.ts';
import type { Row, World } from './world.ts';

/** A company, shop or person that holds licences or was fined. */
export interface Holder {
  readonly name: string;
  readonly kind: '法人及非法人组织' | '个体工商户' | '自然人';
  /** Empty for a natural person. */
  readonly creditCode: string;
  readonly legalRepresentative: string;
  /** Only for a natural person. */
  readonly idNumber: string;
  readonly city: City;
}

export function personName(random: Random): string {
  return random.pick(SURNAMES) + random.pick(GIVEN);
}

/** The holder who is enterprise number `index` of the registration office. */
export function enterpriseHolder(world: World, index: number): Holder {
  const random = randomFrom(world.seed, 'holder', index);
  const city = random.pick(CITIES);
  const isShop = index % 11 === 7;
  const word = random.pick(STYLES) + random.pick(SECOND_STYLES);
  const trade = random.pick(TRADES).word;
  return {
    name: isShop ? `${city.name}${random.pick(city.areas)}${word}图文店` : companyName(city, word + trade, random),
    kind: isShop ? '个体工商户' : '法人及非法人组织',
    creditCode: creditCodeOf(isShop ? '92' : '91', city.division, index + 1),
    legalRepresentative: personName(random),
    idNumber: '',
    city,
  };
}

function companyName(city: City, word: string, random: Random): string {
  const shapes: readonly [string, ...string[]] = [
    `${city.name}${word}有限公司`,
    `广西${word}有限公司`,
    `广西${word}（集团）有限公司`,
    `${city.short}${word}有限责任公司`,
  ];
  return random.pick(shapes);
}

export function naturalPerson(world: World, index: number): Holder {
  const random = randomFrom(world.seed, 'person', index);
  const city = random.pick(CITIES);
  const birthday = dateOf(dayNumber('1962-01-01') + random.int(0, 14_000)).replaceAll('-', '');
  const idNumber = citizenIdOf(`${city.division.slice(0, 4)}02`, birthday, random.int(1, 999));
  return { name: personName(random), kind: '自然人', creditCode: '', legalRepresentative: '', idNumber, city };
}

/** 工商登记信息, in the columns of the registration office. */
export function enterpriseRow(world: World, index: number): Row {
  const holder = enterpriseHolder(world, index);
  const random = randomFrom(world.seed, 'enterprise', index);
  const established = dateOf(dayNumber('2003-01-06') + random.int(0, 5000));
  const isShop = holder.kind === '个体工商户';
  return {
    entid: `GX${String(index + 1).padStart(9, '0')}`,
    uniscid: holder.creditCode,
    regno: index % 5 === 0 ? registrationNumberOf(holder.city.division, index) : '',
    entname: holder.name,
    enttype: isShop ? '个体工商户' : '有限责任公司（自然人投资或控股）',
    lerep: holder.legalRepresentative,
    dom: `广西${holder.city.name}${random.pick(holder.city.areas)}民族大道${random.int(1, 188)}号`,
    estdate: established,
    opfrom: established,
    opto: index % 3 === 0 ? termEnd(established, 30) : '长期',
    opscope: random.pick(TRADES).scope,
    regorg: `${holder.city.name}市场监督管理局`,
    regstate: index % 29 === 3 ? '注销' : index % 31 === 5 ? '吊销' : '存续',
    statedate: '',
  };
}
