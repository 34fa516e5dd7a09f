import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Knex } from 'knex';
import { HubError } from '../errors.ts';
import { pinOf } from '../wire/tls-material.ts';

const require = createRequire(import.meta.url);
const Client = require('knex/lib/dialects/mysql2/index.js');
const driver = require('mysql2');

/** What of a mysql2 connection stands between the handshake of TLS and the first word about the account. */
interface Securing {
  stream: Duplex;
  startTLS?: (onSecure: (error?: Error) => void) => void;
}

/**
 * knex's mysql2 client with pinned keys (`platform.tls.pins`): mysql2 checks chain and name, and has no place for a check of one's
 * own, so its step to TLS is wrapped. A key that is not pinned ends the connection before account and password are sent.
 */
export const pinningClient = (pins: readonly string[]): typeof Knex.Client =>
  class extends Client {
    _driver(): object {
      return { ...driver, createConnection: (settings: object) => pinned(driver.createConnection(settings), pins) };
    }
  } as unknown as typeof Knex.Client;

function pinned(connection: Securing, pins: readonly string[]): Securing {
  const secure = connection.startTLS?.bind(connection);
  if (secure === undefined) throw notPinned('mysql2 换了做法 (mysql2 works otherwise now)');
  connection.startTLS = (onSecure) =>
    secure((error) => {
      const wrong = error ?? wrongKey(connection.stream as TLSSocket, pins);
      if (error === undefined && wrong !== undefined) connection.stream.destroy();
      onSecure(wrong);
    });
  return connection;
}

function wrongKey(stream: TLSSocket, pins: readonly string[]): HubError | undefined {
  const { raw } = stream.getPeerCertificate();
  return raw !== undefined && pins.includes(pinOf(raw)) ? undefined : notPinned('');
}

const notPinned = (why: string): HubError =>
  new HubError(
    'PLATFORM_WRONG',
    `前置库服务器证书的公钥与约定的不符${why} (the key of its certificate is not pinned)`,
    {
      remedy: 'give-up',
      fix: '没有发送任何内容；请与平台核实是否换了证书，再改 platform.tls.pins (nothing was sent: ask the platform whether it renewed its certificate, then change platform.tls.pins)',
    },
  );
