import { didYouMean } from '../suggest.ts';
import { notThere } from './print.ts';
import { readSetup } from './setup.ts';

/** A platform that a job delivers to; anything else is probably a slip of the pen, and stopping the wrong thing is no stop. */
export function knownPlatform(name: string): string {
  const known = readSetup().jobs.flatMap((job) => (job.kind === 'push' ? job.platformName : []));
  if (known.includes(name)) return name;
  const hint = didYouMean(name, known);
  throw notThere(
    'PLATFORM_UNKNOWN',
    `没有平台 ${name}${hint.zh}`,
    `there is no platform ${name}${hint.en}`,
    `现有平台 (platforms): ${known.join(', ')}`,
  );
}
