import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { serveUntilParentEnds } from './serve.ts';

/**
 * The platform of the bench, a process of its own: accepts every row of every batch at once. It scans for the row
 * ids instead of parsing, so that the two cores are left to what is measured.
 */
const server = createServer((request, response) => {
  void buffer(request).then((body) => {
    if (request.method !== 'POST') return void response.writeHead(404).end();
    const text = body.toString('latin1');
    const packageId = /"packageId":"([^"]+)"/.exec(text)?.[1] ?? '';
    const results = Array.from(
      text.matchAll(/"rowId":"([^"]+)"/g),
      ([, rowId]) => `{"rowId":"${rowId}","resultCode":"OK"}`,
    );
    const head = `{"packageId":"${packageId}","receiptId":"R-${packageId}","receivedCount":${results.length},`;
    response.writeHead(200, { 'content-type': 'application/json' }).end(`${head}"results":[${results.join(',')}]}`);
  });
});

serveUntilParentEnds(server);
