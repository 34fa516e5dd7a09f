/**
 * Crash tests: `HUB_FAILPOINT=name:n` kills this process (SIGKILL, no clean-up) at the n-th pass of the named point.
 * Points are the steps S1–S6 of the delivery protocol.
 */
export type Failpoint = 'S0-read' | 'S1-kept' | 'S2-sealed' | 'S3-intent' | 'S4-sent' | 'S5-answered' | 'S6-settled';

const [name, nth] = (process.env['HUB_FAILPOINT'] ?? '').split(':');
let passes = 0;

export function failpoint(point: Failpoint): void {
  if (point !== name) return;
  passes += 1;
  if (passes === Number(nth ?? 1)) process.kill(process.pid, 'SIGKILL');
}
