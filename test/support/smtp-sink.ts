import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface SmtpSink {
  /** `host:port`, to be put behind `smtp://` or `smtps://`. */
  readonly at: string;
  readonly letters: readonly Letter[];
  /** Users that logged in, in order. */
  readonly users: readonly string[];
  /** Connections that were encrypted when the letter came. */
  readonly secure: readonly boolean[];
  close(): Promise<void>;
}

export interface Letter {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came, headers and body. */
  readonly raw: string;
}

/** A mail server on a free loopback port that keeps every letter; `refuse` answers 451 to so many of them first. */
export async function smtpSink(options: SMTPServerOptions & { readonly refuse?: number } = {}): Promise<SmtpSink> {
  const letters: Letter[] = [];
  const users: string[] = [];
  const secure: boolean[] = [];
  let refusals = options.refuse ?? 0;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: options.key === undefined ? ['STARTTLS'] : [],
    onAuth: ({ username, password }, _session, done) => {
      users.push(username ?? '');
      if (password === 'the-right-password') return done(null, { user: username });
      return done(new Error('wrong password'));
    },
    onData: (stream, session, done) => {
      void text(stream).then((raw) => {
        refusals -= 1;
        if (refusals >= 0) return done(Object.assign(new Error('try later'), { responseCode: 451 }));
        const { mailFrom, rcptTo } = session.envelope;
        letters.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          raw,
        });
        secure.push(session.secure);
        return done();
      });
    },
    ...options,
  });
  server.on('error', () => {});
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address() as AddressInfo;
  return {
    at: `127.0.0.1:${port}`,
    letters,
    users,
    secure,
    close: () => new Promise((closed) => server.close(() => closed())),
  };
}

/** The decoded text part of a letter that nodemailer wrote. */
export const textOf = (letter: Letter): string => partOf(letter, 'text/plain');

export const htmlOf = (letter: Letter): string => partOf(letter, 'text/html');

function partOf({ raw }: Letter, type: string): string {
  const boundary = /boundary="([^"]+)"/.exec(raw)?.[1] ?? '';
  const part = raw.split(`--${boundary}`).find((one) => one.includes(`Content-Type: ${type}`)) ?? '';
  const [head = '', ...body] = part.replace(/\r\n/g, '\n').trimStart().split('\n\n');
  return decoded(head, body.join('\n\n'));
}

function decoded(head: string, body: string): string {
  if (/Content-Transfer-Encoding: base64/i.test(head)) return Buffer.from(body, 'base64').toString('utf8');
  const bytes = body
    .replace(/=\r?\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Header lines, unfolded and with encoded words read. */
export function headersOf({ raw }: Letter): string[] {
  const [head = ''] = raw.split(/\r?\n\r?\n/);
  const lines = head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/);
  return lines.map((line) =>
    line.replace(/\?=\s+=\?/g, '?==?').replace(/(=\?UTF-8\?[BQ]\?[^?]*\?=)+/gi, (words) =>
      Buffer.concat(
        [...words.matchAll(/=\?UTF-8\?([BQ])\?([^?]*)\?=/gi)].map(([, kind, word = '']) =>
          kind?.toUpperCase() === 'B'
            ? Buffer.from(word, 'base64')
            : Buffer.from(
                word
                  .replace(/_/g, ' ')
                  .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
                'latin1',
              ),
        ),
      ).toString('utf8'),
    ),
  );
}
