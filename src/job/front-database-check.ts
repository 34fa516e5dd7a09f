import type { FrontDatabaseSpec } from '../platform-spec.ts';
import type { PlatformFault } from './http-platform-check.ts';
import { tlsFaults } from './http-platform-check.ts';

/** What the shape of a front-end database cannot say: a table for every data class, and columns that are not the business ones. */
export function frontDatabaseFaults(
  spec: FrontDatabaseSpec,
  { columns, dataClasses }: { readonly columns: ReadonlySet<string>; readonly dataClasses: ReadonlySet<string> },
): readonly PlatformFault[] {
  const all = [...dataClasses].join(', ');
  const without = [...dataClasses].filter((dataClass) => spec.tables[dataClass] === undefined);
  const strange = Object.keys(spec.tables).filter((dataClass) => dataClasses.size > 0 && !dataClasses.has(dataClass));
  const lower = new Set([...columns].map((column) => column.toLowerCase()));
  const doubled = Object.entries(spec.columns ?? {}).filter(([, column]) => lower.has(column.toLowerCase()));
  return [
    ...without.map((dataClass) => ({
      path: ['tables'],
      zh: `缺少 ${dataClass} 的表`,
      en: `no table for ${dataClass}`,
    })),
    ...strange.map((dataClass) => ({
      path: ['tables', dataClass],
      zh: `本作业的表单没有数据类 ${dataClass}，只有 ${all}`,
      en: `no form of this job has the data class ${dataClass}; they are ${all}`,
    })),
    ...doubled.map(([mark, column]) => ({
      path: ['columns', mark],
      zh: `${column} 是业务列，不能另作他用`,
      en: `${column} is a business column already`,
    })),
    ...anchorFaults(spec),
    ...tlsOfOthers(spec),
    ...tlsFaults(spec),
  ];
}

const anchorFaults = ({ anchor, ledger }: FrontDatabaseSpec): readonly PlatformFault[] =>
  anchor === undefined || ledger !== 'none'
    ? []
    : [
        {
          path: ['anchor'],
          zh: '检查点写在批次表里；ledger: none 没有批次表，请删去 anchor',
          en: 'the checkpoint stands in the ledger table, and there is none: leave anchor out',
        },
      ];

/** Certificates and pins are ours to check with mysql2 alone; what would be left out must not look as if it were there. */
function tlsOfOthers({ tls, url, client }: FrontDatabaseSpec): readonly PlatformFault[] {
  const mysql = client === undefined ? /^(?:mysql|mariadb):/.test(url) : client === 'mysql2';
  if (tls === undefined || mysql) return [];
  return [
    {
      path: ['tls'],
      zh: 'tls（证书、pins）只对 mysql、mariadb 起作用；别的数据库请删去 tls，由其驱动或专用通道保护',
      en: 'tls (certificates, pins) works for mysql and mariadb alone; leave it out and protect other databases by their driver or a tunnel',
    },
  ];
}
