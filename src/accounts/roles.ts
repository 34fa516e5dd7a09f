/**
 * 三权分立 (GB/T 22239, faults.md §2): who runs the system sees no data and no log, who audits changes nothing, and who
 * works with data does neither. Everything of one account lies in one of the three groups.
 */
export const ROLES = ['viewer', 'operator', 'approver', 'sysadmin', 'auditor'] as const;

export type Role = (typeof ROLES)[number];

type Group = 'business' | 'system' | 'audit';

export const roleTable: { readonly [R in Role]: { readonly group: Group; readonly zh: string; readonly en: string } } =
  {
    viewer: { group: 'business', zh: '查看员：看数据与报送情况', en: 'sees data and deliveries' },
    operator: { group: 'business', zh: '操作员：运行、重报、处理隔离', en: 'runs, resyncs, decides on quarantine' },
    approver: { group: 'business', zh: '审批员：审批他人的申请', en: 'approves what others ask for' },
    sysadmin: {
      group: 'system',
      zh: '系统管理员：账户与系统，无数据与日志',
      en: 'accounts and system; no data, no log',
    },
    auditor: { group: 'audit', zh: '审计员：查阅、核验、导出日志', en: 'reads, verifies and exports' },
  };

export const isRole = (word: string): word is Role => Object.hasOwn(roleTable, word);

/** Known roles in their order, or why the words do not stand together. */
export function readRoles(words: readonly string[]): { readonly roles: readonly Role[] } | { zh: string; en: string } {
  const unknown = words.find((word) => !isRole(word));
  if (unknown !== undefined) {
    return {
      zh: `没有角色 ${unknown}，可用：${ROLES.join('、')}`,
      en: `no role ${unknown}; there are ${ROLES.join(', ')}`,
    };
  }
  const roles = ROLES.filter((role) => words.includes(role));
  if (roles.length === 0) return { zh: '至少要有一个角色', en: 'give at least one role' };
  if (new Set(roles.map((role) => roleTable[role].group)).size === 1) return { roles };
  return {
    zh: '三权分立：sysadmin、auditor 与 viewer/operator/approver 不能由同一账户兼任',
    en: 'separation of duties: sysadmin, auditor and viewer/operator/approver do not go together in one account',
  };
}
