import type { PlatformSpec } from '../platform-spec.ts';
import { frontDatabaseFaults } from './front-database-check.ts';
import { type HttpCheckContext, httpPlatformFaults, type PlatformFault } from './http-platform-check.ts';

export interface PlatformCheckContext extends HttpCheckContext {
  /** Data classes of the forms that this job sends. */
  readonly dataClasses: ReadonlySet<string>;
}

/** What the shape of a platform cannot say, by protocol; the way to each fault begins below `platform`. */
export function platformFaults(spec: PlatformSpec, context: PlatformCheckContext): readonly PlatformFault[] {
  if (spec.use === 'http') return httpPlatformFaults(spec, context);
  return spec.use === 'front-database' ? frontDatabaseFaults(spec, context) : [];
}
