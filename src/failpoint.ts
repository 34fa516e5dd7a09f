/**
 * Crash tests: `HUB_FAILPOINT=name:n` kills this process (SIGKILL, no clean-up) at the n-th pass of the named point;
 * `name:n:SIGSTOP` stops it there. Points are the steps S0–S10 of the delivery protocol, and the statements of the log's sequencer.
 */
export type Failpoint =
  | ('S0-read' | 'S1-kept' | 'S2-sealed' | 'S3-intent' | 'S4-sent' | 'S5-answered' | 'S6-settled')
  | ('L1-head' | 'L2-pending' | 'L3-entries' | 'L4-tiles' | 'L5-moved' | 'L6-dropped' | 'S7-sequenced')
  | ('S8-remembered' | 'S8-signed')
  | ('S9-part' | 'S9-renamed' | 'S10-reported' | 'S10-closed');

const [name, nth, signal = 'SIGKILL'] = (process.env['HUB_FAILPOINT'] ?? '').split(':');
let passes = 0;

export function failpoint(point: Failpoint): void {
  if (point !== name) return;
  passes += 1;
  if (passes === Number(nth ?? 1)) process.kill(process.pid, signal);
}
