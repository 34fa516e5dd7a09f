import { parentPort } from 'node:worker_threads';
import { watchUntil } from '../alarm/watch-loop.ts';
import { openHub } from '../hub-context.ts';
import { followCalendar } from '../periods/follow-calendar.ts';
import { readSoundSetup } from './setup.ts';

/** A thread of `hub serve` with a database connection of its own: alarms, mails, heartbeat and the weekly comparison. Any message means: end. */
const stop = new AbortController();
parentPort?.on('message', () => stop.abort(new Error('stopping')));

const opened = await openHub(readSoundSetup());
const { hub, look } = followCalendar(opened, readSoundSetup);
try {
  await watchUntil(hub, stop.signal, look);
} finally {
  await hub.close();
  parentPort?.close();
}
