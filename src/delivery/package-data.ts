import { type BodyHeader, type BodyRecord, buildBody } from './outgoing-body.ts';

/** How the records of a package are written. */
export interface DataForm {
  readonly data: 'json' | 'xml' | 'csv';
  /** Columns of the form in their order, as the first line of a CSV names them; absent: as they come, sorted. */
  readonly columns: readonly { readonly name: string; readonly head: string }[] | undefined;
  /** As an XML file names its own encoding. */
  readonly encoding: 'utf-8' | 'gb18030';
  /** Columns that the platform left for our own row id and operation; without them a CSV holds the form's columns only (T23). */
  readonly slots: { readonly rowId?: string; readonly op?: string };
}

interface Row {
  readonly [column: string]: unknown;
}

/** The data file of a package, as text. Values stand as they are: nothing is escaped for spreadsheets, a machine reads this. */
export function packageData(header: BodyHeader, records: readonly BodyRecord[], form: DataForm): string {
  if (form.data === 'json') return buildBody(header, records).toString('utf8');
  return form.data === 'xml' ? xmlData(header, records, form) : csvData(records, form);
}

function csvData(records: readonly BodyRecord[], form: DataForm): string {
  const rows = records.map(({ data }): Row => JSON.parse(data));
  const columns = form.columns ?? columnsOf(rows);
  const slots = [form.slots.rowId, form.slots.op].filter((slot) => slot !== undefined);
  const head = [...columns.map((column) => column.head), ...slots];
  const lines = rows.map((row, index) => {
    const own = records[index];
    const extra = [form.slots.rowId && own?.rowId, form.slots.op && own?.op].filter((value) => value !== undefined);
    return [...columns.map(({ name }) => textOf(row[name])), ...extra];
  });
  return [head, ...lines].map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('');
}

const columnsOf = (rows: readonly Row[]): { name: string; head: string }[] =>
  [...new Set(rows.flatMap((row) => Object.keys(row)))].sort().map((name) => ({ name, head: name }));

/** What a cell shows of a value: nothing for none, text as it is, anything else as JSON writes it. */
export const textOf = (value: unknown): string =>
  value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);

/** RFC 4180. */
const csvCell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function xmlData(header: BodyHeader, records: readonly BodyRecord[], { encoding }: DataForm): string {
  const withdrawn = records.filter(({ op }) => op === 'D').length;
  const head = {
    packageId: header.packageId,
    version: '1',
    dataClass: header.dataClass,
    layoutVersion: header.layoutVersion,
    senderCode: header.sender.code,
    senderName: header.sender.name,
    recordCount: records.length,
    updates: records.length - withdrawn,
    withdrawals: withdrawn,
  };
  return `<?xml version="1.0" encoding="${encoding.toUpperCase()}"?>\n<package><header>${elements(head)}</header><records>${records.map(xmlRecord).join('')}</records></package>\n`;
}

const xmlRecord = ({ rowId, recordKey, dataVersion, op, payloadHash, data }: BodyRecord): string =>
  `\n<record rowId="${rowId}" recordKey="${recordKey}" dataVersion="${dataVersion}" op="${op}" payloadHash="${payloadHash}">${elements(JSON.parse(data))}</record>`;

const elements = (row: Row): string =>
  Object.entries(row)
    .map(([name, value]) => `<${name}>${xmlText(textOf(value))}</${name}>`)
    .join('');

const ESCAPES: { readonly [char: string]: string } = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '\r': '&#13;' };

/** Characters that XML 1.0 cannot carry at all would make the whole package unreadable: they are left out. */
const xmlText = (text: string): string =>
  text.replace(FORBIDDEN, '').replace(/[<>&\r]/g, (char) => ESCAPES[char] ?? char);

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters that XML forbids
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;
