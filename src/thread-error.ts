import { HubError, type Remedy } from './errors.ts';

/** An error as it crosses threads. Cloning alone keeps no code, and makes a plain Error of every class. */
export interface ErrorAcross {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  /** The database driver's mark of a connection that is gone. */
  readonly fatal: boolean;
  readonly hub: { readonly remedy: Remedy; readonly fix: string } | undefined;
}

export function packError(error: unknown): ErrorAcross {
  if (!(error instanceof Error)) {
    return { name: 'Error', message: String(error), stack: undefined, code: undefined, fatal: false, hub: undefined };
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const fatal = 'fatal' in error && error.fatal === true;
  const hub = error instanceof HubError ? { remedy: error.remedy, fix: error.fix } : undefined;
  return { name: error.name, message: error.message, stack: error.stack, code, fatal, hub };
}

/** A HubError stays one; of others, name and code tell what they were. */
export function unpackError({ name, message, stack, code, fatal, hub }: ErrorAcross): Error {
  const error = hub === undefined ? new Error(message) : new HubError(code ?? '', message, hub);
  Object.assign(error, { name, ...(code === undefined ? {} : { code }), ...(fatal ? { fatal } : {}) });
  if (stack !== undefined) error.stack = stack;
  return error;
}
