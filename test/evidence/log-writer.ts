import { sequence, sequenceAll, takeLogLease } from '../../src/evidence/sequencer.ts';
import { openDatabase } from '../../src/store/database.ts';
import { appendLines } from './log-fixture.ts';

/**
 * A process that writes to the log: `append` adds lines in transactions of seven and says so line by line, `sequence` places
 * what waits. Killed by HUB_FAILPOINT.
 */
const [url = '', what = '', count = '0', from = '0'] = process.argv.slice(2);
const db = await openDatabase(url);
if (what === 'append') {
  for (let at = 0; at < Number(count); at += 7) {
    await appendLines(db, Math.min(7, Number(count) - at), Number(from) + at);
    process.stdout.write(`${at}\n`);
  }
} else if (what === 'sequence') {
  await sequenceAll(db);
} else {
  // Sequences in a loop beside another that does the same, lease or not.
  const lease = await takeLogLease(db);
  const until = performance.now() + Number(count);
  while (performance.now() < until) await sequence(db, lease?.epoch ?? 1).catch(() => 0);
}
await db.destroy();
