import type { Server } from 'node:http';

/** Listens on a free loopback port, prints the address, and ends with the process that started it. */
export function serveUntilParentEnds(server: Server): void {
  // A busy machine may pause for longer than the usual five seconds; a connection cut then would be an unknown outcome.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (typeof address === 'object') console.log(`http://127.0.0.1:${address?.port}`);
  });
  process.stdin.on('end', () => process.exit(0)).resume();
}
