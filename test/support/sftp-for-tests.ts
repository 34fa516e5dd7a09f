import { onTestFinished } from 'vitest';
import { openSftpServer, type SftpServerUnderTest } from './sftp-server.ts';

/** The server of sftp-server.ts for one test; it ends with it. */
export async function startSftpServer(folder: string): Promise<SftpServerUnderTest> {
  const server = await openSftpServer(folder);
  onTestFinished(server.close);
  return server;
}
