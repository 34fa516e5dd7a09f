import { openSync, readFileSync, readSync } from 'node:fs';
import { createServer } from 'node:http';
import { PAGE_ROWS, type PageRange } from './records.ts';
import { serveUntilParentEnds } from './serve.ts';

/** The bureau of the bench, a process of its own: `node source-server.ts PAGES.bin PAGES.json`. Hands out pages made beforehand. */
const [pagesFile = '', indexFile = ''] = process.argv.slice(2);
const pages = JSON.parse(readFileSync(indexFile, 'utf8')) as readonly PageRange[];
const file = openSync(pagesFile, 'r');

const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url ?? '', 'http://bench');
  const page = pages[Number(searchParams.get('pageNo')) - 1];
  if (searchParams.get('pageSize') !== String(PAGE_ROWS)) return void response.writeHead(400).end();
  const body = page === undefined ? Buffer.from('{"code":0,"msg":"ok","data":{"total":0,"rows":[]}}') : read(page);
  response
    .writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length })
    .end(body);
});

function read({ offset, length }: PageRange): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  readSync(file, bytes, 0, length, offset);
  return bytes;
}

serveUntilParentEnds(server);
