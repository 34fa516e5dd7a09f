import { type Held, heldChanges, setupInForce } from '../accounts/approved-setup.ts';
import type { Setup } from '../hub-context.ts';
import { withDatabase } from './open.ts';
import { complain } from './print.ts';
import type { ReadSetup } from './setup.ts';

/** With HUB_APPROVALS=on: what changed and does not run yet. `undefined`: everything that is there runs. */
export const readHeld = (setup: ReadSetup): Promise<Held | undefined> =>
  withDatabase(({ db }) => heldChanges(db, setup)).catch((error: { readonly code?: string }) => {
    // Before the first start there is nothing to compare with; wrong settings are told by the check itself.
    if (error.code === 'DATABASE_MISSING' || error.code === 'SETUP_WRONG') return undefined;
    throw error;
  });

/** The set-up that runs, and what waits beside it; the files themselves before the first start. */
export const readInForce = (setup: ReadSetup): Promise<{ readonly setup: Setup; readonly held?: Held }> =>
  withDatabase(({ db }) => setupInForce<Setup>(db, setup)).catch((error: { readonly code?: string }) => {
    if (error.code === 'DATABASE_MISSING' || error.code === 'SETUP_WRONG') return { setup };
    throw error;
  });

export function tellHeld({ changed, request, standing }: Held): void {
  const said =
    standing === 'approved'
      ? '已改、已批准，尚未采用 (changed and approved, not yet taken up)'
      : '已改但未批准，仍按原批准的运行 (changed, not approved; the approved copy runs)';
  complain(`! ${said}: ${changed.join(', ')}`);
  complain(`  → ${NEXT[standing](request ?? 0)}`);
}

const NEXT: { readonly [S in Held['standing']]: (request: number) => string } = {
  unasked: () => '下次启动时会提出申请 (the next start asks for it)',
  unclaimed: (request) =>
    `改的人先认领 (who changed it claims it): hub approve claim ${request} --reason "…"；另一人 (then another person): hub approve ${request}`,
  claimed: (request) => `hub approve ${request} --reason "…"`,
  approved: (request) =>
    `申请 ${request} 已同意，下次运行或启动时生效 (request ${request} is approved; the next run or start lets it in)`,
};
