import type { ItemFolders } from '../accounts/configuration-items.ts';
import { alarmSecrets } from '../alarm-settings.ts';
import { backupSecrets } from '../backup-settings.ts';
import { calendarFile, loadCalendar } from '../calendar/load-calendar.ts';
import { workCalendar } from '../calendar/work-calendar.ts';
import { SetupError, type SetupFault } from '../errors.ts';
import type { Setup } from '../hub-context.ts';
import { loadAlarmFile } from '../job/alarm-file.ts';
import type { Job } from '../job/job.ts';
import { loadJobs } from '../job/job-file.ts';
import type { Proven } from '../proven.ts';
import { loadSchemas } from '../schema/schema.ts';
import { type Environment, readEnvironment, readSettings, type Settings } from '../settings.ts';
import { portOf } from '../wire/usual-ports.ts';
import { actor } from './actor.ts';
import { provenBefore } from './proven-before.ts';

/** A sound or unsound set-up as the working directory and the environment give it. */
export interface ReadSetup extends Setup {
  readonly env: Environment;
}

/** The environment of this process over the working directory's `.env`. */
const currentEnvironment = (): Environment => readEnvironment(process.cwd(), process.env);

/** Settings, schemas and jobs, with the faults of all of them; `proven`: examples and samples that need not be tried again. */
export function readSetup(
  env: Environment = currentEnvironment(),
  proven: Proven = provenBefore(),
): ReadSetup & { readonly faults: readonly SetupFault[] } {
  const { settings } = readSettings(env);
  const { faults, ...setup } = readFrom({ ...settings, env }, proven);
  const readAgain = (folders: ItemFolders) => {
    const { faults: wrong, ...again } = readFrom(folders, proven);
    return { setup: again, faults: wrong };
  };
  return { ...setup, source: { env, by: actor(env), faults, readAgain }, faults };
}

/** The same from another copy of the files, or with another environment. */
function readFrom(
  { env, jobsDir, schemasDir, files }: ItemFolders,
  proven: Proven,
): ReadSetup & { readonly faults: readonly SetupFault[] } {
  const { settings, faults } = readSettings(env);
  const { faults: schemaFaults, schemas } = loadSchemas(schemasDir, undefined, proven);
  const { table, faults: calendarFaults } = loadCalendar(calendarFile(schemasDir));
  const { types, forms, digest } = schemas;
  const {
    faults: jobFaults,
    jobs,
    secrets,
  } = loadJobs(jobsDir, env, {
    types,
    forms,
    hosts: settings.allowedHosts,
    proven: { by: digest, samples: proven },
  });
  const { alarms, faults: alarmFaults } = loadAlarmFile(jobsDir, env, jobs);
  const allowedHosts = settings.allowedHosts.length > 0 ? settings.allowedHosts : hostsOf(jobs);
  return {
    env,
    settings: { ...settings, allowedHosts },
    types,
    forms,
    calendar: workCalendar(table),
    schemasDigest: digest,
    jobs: files === undefined ? jobs : jobs.map((job) => withRoot(job, files)),
    alarms,
    secrets: [
      ...secrets,
      ...alarmSecrets(settings.alarm),
      ...backupSecrets(settings.backup),
      ...(settings.secretKey === undefined ? [] : [settings.secretKey]),
    ],
    faults: [...faults, ...schemaFaults, ...calendarFaults, ...jobFaults, ...alarmFaults],
  };
}

/** The root of a platform's certificate as it was approved: its text in the place of its path. */
function withRoot(job: Job, files: ReadonlyMap<string, Buffer>): Job {
  if (job.kind !== 'push' || !('tls' in job.platform)) return job;
  const { tls } = job.platform;
  const root = files.get(tls?.ca ?? '');
  return root === undefined ? job : { ...job, platform: { ...job.platform, tls: { ...tls, ca: root.toString() } } };
}

/** `host:port` of every address that a job names: what it may connect to where HUB_ALLOWED_HOSTS says nothing. */
function hostsOf(jobs: readonly Job[]): string[] {
  const addresses = jobs.flatMap((job) => {
    const spec = job.kind === 'pull' ? job.source : job.platform;
    return 'url' in spec && URL.canParse(spec.url) ? new URL(spec.url) : [];
  });
  return [
    ...new Set(addresses.filter(({ host }) => host !== '').map((address) => `${address.hostname}:${portOf(address)}`)),
  ];
}

/**
 * The same where any fault ends the command with exit code 78. With approvals on, faulty files stop nothing yet: `openHub`
 * runs the approved copy instead of them, and throws only where there is none.
 */
export function readSoundSetup(env: Environment = currentEnvironment()): ReadSetup {
  const { faults, ...setup } = readSetup(env);
  const wrongSettings = readSettings(env).faults;
  if (wrongSettings.length > 0 || (faults.length > 0 && !setup.settings.approvals)) throw new SetupError(faults);
  return setup;
}

/** Settings alone, for commands that need neither schemas nor jobs. */
export function readSoundSettings(): { readonly env: Environment; readonly settings: Settings } {
  const env = currentEnvironment();
  const { settings, faults } = readSettings(env);
  if (faults.length > 0) throw new SetupError(faults);
  return { env, settings };
}
