import type { Role } from './roles.ts';

/** What a command is to the hub, and which accounts may use it. */
export interface CommandRule {
  /**
   * `reads`: shows data or log; `changes`: acts for a person, so that without an account it is break-glass;
   * `free`: neither, anybody may; `serves`: the hub itself, started by the system.
   */
  readonly does: 'reads' | 'changes' | 'free' | 'serves';
  readonly roles: readonly Role[];
  /** May be the first command of all on an empty machine. */
  readonly makesDatabase?: true;
}

const DATA: readonly Role[] = ['viewer', 'operator', 'approver', 'auditor'];
const reads = (...roles: readonly Role[]): CommandRule => ({ does: 'reads', roles: roles.length > 0 ? roles : DATA });
const changes = (...roles: readonly Role[]): CommandRule => ({ does: 'changes', roles });
const free: CommandRule = { does: 'free', roles: [] };
const serves: CommandRule = { does: 'serves', roles: [] };

/**
 * Every command and who may use it; one that is not here is refused to every account, and a test fails.
 * Rights stand here and nowhere else.
 */
export const commandRoles: { readonly [command: string]: CommandRule } = {
  check: free,
  'code check': free,
  sandbox: free,
  demo: free,
  login: free,
  logout: free,
  whoami: free,
  'user password': free,
  'user second-factor': free,

  serve: serves,
  worker: serves,
  signer: serves,
  'signer init': serves,
  'signer rotate': changes('sysadmin'),
  'signer restart-log': changes('sysadmin'),
  migrate: serves,

  jobs: reads(),
  runs: reads(),
  ledger: reads(),
  batches: reads(),
  'quarantine list': reads(),
  'quarantine show': reads(),
  forecast: reads(),
  duty: reads(),
  preview: reads(),
  'calendar show': reads(),
  reconcile: reads('operator', 'approver', 'auditor'),
  'alarm list': reads(),
  'licence show': reads(),
  'licence verify': reads(),
  'licence pdf': reads(),
  'approve list': reads(),
  'approve show': reads(),

  log: reads('operator', 'approver', 'auditor'),
  'log head': reads('operator', 'approver', 'auditor'),
  'log verify': reads('auditor'),
  'log prove': reads('auditor'),
  'log export': reads('auditor'),

  run: { ...changes('operator'), makesDatabase: true },
  resync: changes('operator'),
  'quarantine retry': changes('operator'),
  'quarantine waive': changes('operator'),
  pause: changes('operator', 'approver'),
  resume: changes('operator'),
  hold: changes('operator', 'approver'),
  release: changes('operator'),
  'receipts waiting': reads(),
  'receipts confirm': changes('operator'),
  repair: changes('operator'),
  'runs stop': changes('operator', 'approver'),
  'batches release': changes('operator'),
  'batches close': changes('operator'),
  'receipts import': changes('operator'),
  'ferry keys': free,
  'ferry pack': changes('operator'),
  'ferry accept': changes('operator'),
  'calendar import': changes('operator'),
  'preview confirm': changes('operator', 'approver'),
  'publish online-service': changes('operator'),
  approve: changes('approver'),
  'approve claim': changes('operator', 'approver', 'sysadmin'),

  'alarm test': changes('sysadmin', 'operator'),
  'alarm close': changes('operator'),
  'log prune': changes('sysadmin'),
  backup: changes('sysadmin'),
  restore: { ...changes('sysadmin'), makesDatabase: true },
  'user list': reads('sysadmin', 'auditor'),
  'user add': { ...changes('sysadmin'), makesDatabase: true },
  'user role': changes('sysadmin'),
  'user disable': changes('sysadmin'),
  'user enable': changes('sysadmin'),
  'user reset': changes('sysadmin'),
};
