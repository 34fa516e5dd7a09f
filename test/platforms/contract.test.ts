import { platformContract } from './contract.ts';
import { httpFarEnd } from './http-far-end.ts';
import { packageDialect } from './package-dialect.ts';

platformContract('http with the hub’s own package', () =>
  httpFarEnd(packageDialect, (url) => ({ use: 'http', url, auth: { bearer: 'let-me-in' }, timeout: 5 })),
);
