import { describe } from 'vitest';
import { mariaDbAvailable } from '../support/mariadb.ts';
import { platformContract } from './contract.ts';
import { excelFarEnd } from './excel-far-end.ts';
import { ferryFarEnd } from './ferry-far-end.ts';
import { mariaFarEnd, sqliteFarEnd } from './front-far-end.ts';
import { httpFarEnd } from './http-far-end.ts';
import { packageDialect } from './package-dialect.ts';
import { sftpFarEnd } from './sftp-far-end.ts';
import { soapDialect, soapSpec } from './soap-dialect.ts';

platformContract('http with the hub’s own package', () =>
  httpFarEnd(packageDialect, (url) => ({ use: 'http', url, auth: { bearer: 'let-me-in' }, timeout: 5 })),
);

for (const data of ['json', 'xml', 'csv'] as const)
  platformContract(`sftp with the data in ${data}`, () => sftpFarEnd(data), { tellsAbsent: true });
platformContract('http with a SOAP ExchangeMessage and a token login', () => httpFarEnd(soapDialect(), soapSpec));

platformContract('excel and a person', () => excelFarEnd(), { tellsAbsent: false, losesAnswers: false });
for (const ledger of ['hub_batch', 'none']) {
  const change = { ledger };
  platformContract(`a front-end database on SQLite, ledger ${ledger}`, () => sqliteFarEnd({ change }), {
    losesAnswers: false,
  });
  describe.skipIf(!mariaDbAvailable)('on MariaDB', () => {
    platformContract(`a front-end database on MariaDB, ledger ${ledger}`, () => mariaFarEnd({ change }));
  });
}

platformContract('ferry', () => ferryFarEnd(), { tellsAbsent: false, losesAnswers: false });
