import { closeSync, openSync, writeSync } from 'node:fs';
import { creditCodeCheck, organisationCheck } from '../../src/rules/credit-code.ts';

/** A licence as the bureau's system hands it out: 15 fields, about 500 bytes of JSON. */
export interface RawLicence {
  readonly id: number;
  readonly xkzbh: string | null;
  readonly qymc: string;
  readonly tyshxydm: string;
  readonly fddbr: string;
  readonly jdwsh: string;
  readonly xknr: string;
  readonly jdrq: string;
  readonly yxqz: string;
  readonly yxjz: string;
  readonly zt: string;
  readonly gksx: string;
  readonly bmsc: string;
  readonly bz: string;
  readonly updatedAt: string;
}

/** Rows per page; the bureau answers no other size. */
export const PAGE_ROWS = 1000;

/** One record in a hundred does not fit. */
export const dirtyAmong = (records: number): number => Math.floor((records + 62) / 100);

const CITIES = ['南宁', '柳州', '桂林', '梧州', '北海', '防城港', '钦州', '贵港', '玉林', '百色'];
const TRADES = ['文化传媒', '影视制作', '广告传播', '数字科技', '演艺经纪'];
const ORGANISATION = '0123456789ABCDEFGHJKLMNPQRTUWXY';

/** The record at this place, 0 … 999,999, always the same. */
export function rawLicence(index: number): RawLicence {
  const city = CITIES[index % 10] ?? '';
  const serial = String(index).padStart(6, '0');
  const day = String((index % 28) + 1).padStart(2, '0');
  const month = String((index % 12) + 1).padStart(2, '0');
  const year = 2020 + (index % 6);
  const clean: RawLicence = {
    id: index + 1,
    xkzbh: `（桂）字第${serial}号`,
    qymc: `${city}测试${serial}${TRADES[index % 5]}有限公司`,
    tyshxydm: creditCode(index),
    fddbr: `测试${index % 1000}`,
    jdwsh: `桂广电许〔${year}〕${(index % 900) + 1}号`,
    xknr: '制作、发行广播电视节目（时政新闻及同类专题、专栏等广播电视节目除外）',
    jdrq: `${year}-${month}-${day}`,
    yxqz: `${year}/${month}/${day}`,
    yxjz: `${year + 10}年${month}月${day}日`,
    zt: '1',
    gksx: '主动公开',
    bmsc: '是',
    bz: `由自治区政务服务中心受理，申请编号 GX-${year}-${serial}`,
    updatedAt: `${year}-${month}-${day} 10:${day}:00`,
  };
  return index % 100 === 37 ? spoil(clean, Math.floor(index / 100) % 4) : clean;
}

function creditCode(index: number): string {
  let body = 'MA';
  for (let place = 5; place >= 0; place -= 1) body += ORGANISATION[Math.floor(index / 31 ** place) % 31];
  const front = `91450100${body}${organisationCheck(body)}`;
  return front + creditCodeCheck(front);
}

/** Four of the usual ways to be wrong. */
function spoil(record: RawLicence, way: number): RawLicence {
  const code = record.tyshxydm;
  if (way === 0) return { ...record, tyshxydm: code.slice(0, 17) + (code.endsWith('0') ? '1' : '0') };
  if (way === 1) return { ...record, xkzbh: null };
  if (way === 2) return { ...record, yxqz: '2025-02-30' };
  return { ...record, yxjz: '2001-01-01' };
}

/** Where a page lies in the file of all pages. */
export interface PageRange {
  readonly offset: number;
  readonly length: number;
}

/** Writes all pages of answers into one file, so that serving them costs next to nothing. */
export function writePages(
  file: string,
  records: number,
): { readonly pages: PageRange[]; readonly recordBytes: number } {
  const pages: PageRange[] = [];
  const out = openSync(file, 'w');
  let offset = 0;
  let recordBytes = 0;
  for (let from = 0; from < records; from += PAGE_ROWS) {
    const rows = Array.from({ length: Math.min(PAGE_ROWS, records - from) }, (_, row) => rawLicence(from + row));
    const text = Buffer.from(JSON.stringify({ code: 0, msg: 'ok', data: { total: records, rows } }));
    writeSync(out, text);
    pages.push({ offset, length: text.length });
    offset += text.length;
    recordBytes += text.length;
  }
  closeSync(out);
  return { pages, recordBytes: Math.round(recordBytes / records) };
}
