/** Where an address without a port leads, by its protocol as URL has it. */
const USUAL_PORTS: { readonly [protocol: string]: number } = {
  'http:': 80,
  'https:': 443,
  'mysql:': 3306,
  'mariadb:': 3306,
  'postgres:': 5432,
  'postgresql:': 5432,
  'mssql:': 1433,
  'sqlserver:': 1433,
  'oracle:': 1521,
  'sftp:': 22,
};

export const portOf = ({ port, protocol }: Pick<URL, 'port' | 'protocol'>): number =>
  Number(port || (USUAL_PORTS[protocol] ?? 0));
