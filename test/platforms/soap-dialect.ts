import { SaxesParser } from 'saxes';
import type { JsonObject } from '../../src/json.ts';
import type { HttpPlatformSpec } from '../../src/platform-spec.ts';
import type { FarRow, FarStore } from './far-store.ts';
import type { Ask, Dialect, Reply } from './http-far-end.ts';

/** The exchange of 2016–2018: log in for a token, then ExchangeMessage in a SOAP envelope (domain.md §5.3). Written a second time here. */
export interface SoapFar extends Dialect {
  /** The token that was given out last stops to hold. */
  readonly expire: () => void;
  readonly logins: () => number;
  /** Packages that hold this text are refused as a whole. */
  readonly refuse: (text: string) => void;
  /** Every submit as it came. */
  readonly submits: readonly Buffer[];
}

export const USER = 'gxxwcbgdj';
export const PASSWORD = 'canary-pass-<&>-7781';

export function soapDialect({ faults = false } = {}): SoapFar {
  let token: string | undefined;
  let logins = 0;
  let poison: string | undefined;
  const submits: Buffer[] = [];
  const logIn = ({ body }: Ask): Reply => {
    const fields = textsOf(body);
    if (fields.get('userName') !== USER || fields.get('passWord') !== PASSWORD)
      return xml('<login><code>401</code></login>');
    logins += 1;
    token = `tok-${logins}-canary`;
    return xml(`<login><code>200</code><token>${token}</token></login>`);
  };
  return {
    isSubmit: ({ path, headers }) => path === '/exchange' && headers['serviceid'] === 'XK_FR_PUSH',
    answer: (ask, store) => {
      if (ask.path === '/login') return logIn(ask);
      if (token === undefined || ask.headers['token'] !== token)
        return faults ? FAULT : envelope('<code>403</code><msg>403:login timeout</msg>');
      if (ask.headers['serviceid'] !== 'XK_FR_PUSH') return status(ask, store);
      submits.push(ask.body);
      const refused = poison !== undefined && ask.body.includes(poison);
      return refused ? envelope('<code>5</code><msg>报文校验不通过</msg>') : submit(ask, store);
    },
    expire: () => {
      token = undefined;
    },
    logins: () => logins,
    refuse: (text) => {
      poison = text;
    },
    submits,
  };
}

const FAULT: Reply = {
  status: 500,
  type: 'text/xml',
  body: '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>e:Server</faultcode><faultstring>403:login timeout</faultstring></e:Fault></e:Body></e:Envelope>',
};

const xml = (body: string): Reply => ({ status: 200, type: 'text/xml;charset=UTF-8', body });

/** Tags in another case than the agreed ones, as seen in the field. */
const envelope = (inner: string): Reply =>
  xml(`<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>
    <ns:exchangeResponse xmlns:ns="urn:exchange"><Return>${escaped(`<RESULT>${inner}</RESULT>`)}</Return></ns:exchangeResponse></soapenv:Body></soapenv:Envelope>`);

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function submit({ body }: Ask, store: FarStore): Reply {
  const message = readMessage(body);
  if (store.take(message.flow, body, message.rows) === 'other') return envelope('<code>9</code><msg>flow reused</msg>');
  return envelope(told(message.flow, store));
}

function status({ body }: Ask, store: FarStore): Reply {
  const flow = textsOf(body).get('flow') ?? '';
  return envelope(store.find(flow) === undefined ? '<code>404</code>' : told(flow, store));
}

function told(flow: string, store: FarStore): string {
  const found = store.find(flow);
  const rows = (found?.results ?? []).map(
    ({ rowId, code, reason }) =>
      `<row><id>${guids.get(rowId)?.toUpperCase()}</id><code>${code}</code><msg>${escaped(reason)}</msg></row>`,
  );
  return `<code>0</code><flow>${flow}</flow><digest>${found?.digest}</digest><sn>SN-${flow.slice(0, 8)}</sn>${rows.join('')}`;
}

/** The GUID that each row came with: results name rows by it. */
const guids = new Map<string, string>();

interface Message {
  readonly flow: string;
  readonly rows: readonly FarRow[];
}

/** Reads what came with a parser of its own: `fields` repeat, attribute `item` names the row, `op` what to do. */
function readMessage(body: Buffer): Message {
  const rows: { rowId: string; op: 'U' | 'D'; data: { [column: string]: string } }[] = [];
  const path: string[] = [];
  let flow = '';
  let text = '';
  const parser = new SaxesParser();
  parser.on('opentag', ({ name, attributes }) => {
    path.push(name);
    text = '';
    if (name === 'fields') {
      const { item, row, op } = attributes as { readonly item?: string; readonly row?: string; readonly op?: string };
      guids.set(String(row), String(item));
      rows.push({ rowId: String(row), op: op === 'D' ? 'D' : 'U', data: {} });
    }
  });
  parser.on('text', (more) => {
    text += more;
  });
  parser.on('closetag', ({ name }) => {
    path.pop();
    const row = rows.at(-1);
    if (name === 'flow') flow = text;
    if (path.at(-1) === 'fields' && row !== undefined) row.data[name] = text;
  });
  parser.write(body.toString('utf8')).close();
  return { flow, rows: rows.map(({ data, ...row }): FarRow => ({ ...row, data: data as JsonObject })) };
}

function textsOf(body: Buffer): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  let text = '';
  const parser = new SaxesParser();
  parser.on('opentag', () => {
    text = '';
  });
  parser.on('text', (more) => {
    text += more;
  });
  parser.on('closetag', ({ name }) => {
    texts.set(name, text);
    text = '';
  });
  parser.write(body.toString('utf8')).close();
  return texts;
}

const within = { at: 'Envelope/Body/exchangeResponse/return', form: 'xml' } as const;
const answer: NonNullable<HttpPlatformSpec['answer']> = {
  within,
  code: 'Result/code',
  fault: 'Envelope/Body/Fault/faultstring',
  message: 'Result/msg',
  codes: {
    accepted: ['0'],
    refused: ['5'],
    conflict: ['9'],
    loginExpired: ['403', '403:login timeout'],
    absent: ['404'],
  },
  receipt: 'Result/sn',
  echo: 'Result/flow',
  digest: 'Result/digest',
  results: { at: 'Result/row', row: 'id', code: 'code', message: 'msg', accepted: ['OK'] },
};

const soap = (body: object) => ({
  xml: {
    'soapenv:Envelope': { '@xmlns:soapenv': 'http://schemas.xmlsoap.org/soap/envelope/', 'soapenv:Body': body },
  },
});

/** The job's side of it: configuration only. */
export const soapSpec = (url: string, change: Partial<HttpPlatformSpec> = {}): HttpPlatformSpec => ({
  use: 'http',
  url,
  timeout: 5,
  login: {
    path: '/login',
    body: { xml: { login: { userName: USER, passWord: PASSWORD } } },
    code: 'login/code',
    good: ['200'],
    token: 'login/token',
  },
  body: soap({
    ExchangeMessage: {
      Header: {
        sender: '{senderCode}',
        receiver: '450000',
        flow: '{packageUuid}',
        sn: '{packageId}',
        securityType: '1',
        contacts: '',
      },
      Body: { fields: { $each: 'records', '@item': '{rowUuid}', '@row': '{rowId}', '@op': '{op}', $data: 'all' } },
    },
  }) as NonNullable<HttpPlatformSpec['body']>,
  submit: { path: '/exchange', headers: { token: '{token}', serviceId: 'XK_FR_PUSH', SOAPAction: '""' } },
  answer,
  query: {
    path: '/exchange',
    headers: { token: '{token}', serviceId: 'XK_FR_QUERY', SOAPAction: '""' },
    body: soap({ QueryMessage: { flow: '{packageUuid}' } }) as NonNullable<HttpPlatformSpec['body']> & object,
    answer,
  },
  ...change,
});
