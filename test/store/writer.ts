import { randomBytes } from 'node:crypto';
import { inTransaction, openDatabase } from '../../src/store/database.ts';
import { appendVersions } from '../../src/store/library.ts';
import { newVersion } from '../support/versions.ts';

/** Commits ten records at a time and says so, until somebody kills it. */
const db = await openDatabase(process.argv[2] ?? '');
for (;;) {
  const versions = Array.from({ length: 10 }, () => newVersion({ key: randomBytes(32) }));
  await inTransaction(db, (tx) => appendVersions(tx, 1, versions, new Date()));
  process.stdout.write('kept\n');
}
