import { describe, expect, it } from 'vitest';
import { publicityPeriod } from '../../src/rules/publicity-period.ts';

describe('公示期 of a penalty', () => {
  it.each([
    ['2026-03-31', ['罚款'], '令58号', '一般', true, '2026-06-30', '2029-03-31'],
    ['2026-04-01', ['罚款'], '令36号', '一般', true, '2026-07-01', '2027-04-01'],
    ['2026-04-01', ['警告'], '令36号', '轻微', false, '2026-04-01', '2026-07-01'],
    ['2026-11-30', ['警告', '通报批评'], '令36号', '轻微', false, '2026-11-30', '2027-02-28'],
    ['2026-05-10', ['罚款', '吊销许可证件'], '令36号', '严重', true, '2027-05-10', '2029-05-10'],
    ['2024-02-29', ['没收违法所得'], '令58号', '一般', true, '2024-05-29', '2027-02-28'],
    ['2024-02-29', ['警告'], '令58号', '轻微', false, '2024-02-29', '2024-02-29'],
    ['2023-04-30', ['罚款'], '527号', '一般', true, '2023-07-30', '2024-04-30'],
    ['2020-08-31', ['责令关闭'], '527号', '严重', true, '2021-02-28', '2023-08-31'],
  ] as const)('decided on %s, %j: %s, %s', (decidedOn, kinds, rule, severity, shown, repairableFrom, endsOn) => {
    expect(publicityPeriod({ decidedOn, kinds })).toEqual({ rule, severity, shown, repairableFrom, endsOn });
  });

  it('takes the severity that the bureau states, and 简易程序 as 轻微', () => {
    expect(publicityPeriod({ decidedOn: '2026-05-10', kinds: ['罚款'], severity: '严重' }).endsOn).toBe('2029-05-10');
    expect(publicityPeriod({ decidedOn: '2026-05-10', kinds: ['罚款'], summary: true })).toMatchObject({
      severity: '轻微',
      endsOn: '2026-08-10',
    });
  });

  it('takes 公示截止期 as the bureau states it, also that there is no end', () => {
    const penalty = { decidedOn: '2026-05-10', kinds: ['罚款'] };
    expect(publicityPeriod({ ...penalty, publicityUntil: '2026-12-31' }).endsOn).toBe('2026-12-31');
    expect(publicityPeriod({ ...penalty, publicityUntil: null }).endsOn).toBeNull();
  });
});
