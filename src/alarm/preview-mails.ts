import type { Hub } from '../hub-context.ts';
import type { DutyJob } from '../periods/period-context.ts';
import { type Preview, previewPlatform } from '../periods/preview.ts';
import { previewTexts } from '../periods/preview-text.ts';
import { maskPersonalData } from '../rules/personal-data.ts';
import { type OutgoingText, outgoing } from './alarm-text.ts';

/** Per division what leaves next time over these platforms and what does not; nothing for a division without anything pending. */
export async function previewMails(hub: Hub, jobs: readonly DutyJob[]): Promise<ReadonlyMap<string, OutgoingText>> {
  const previews: Preview[] = [];
  for (const job of jobs) previews.push(withoutPersons(await previewPlatform(hub, job)));
  const closing = ['', `—— 证信通 ${hub.settings.hubId}`];
  return new Map(
    previewTexts(previews).map(({ division, subject, lines }) => [division, outgoing(subject, [...lines, ...closing])]),
  );
}

/** A mail leaves the house: a record's name may be a person's, and numbers and sentences are masked once more. */
const withoutPersons = (preview: Preview): Preview => ({
  ...preview,
  divisions: preview.divisions.map((division) => ({
    ...division,
    records: division.records.map((record) => ({
      ...record,
      name: null,
      number: record.number === null ? null : maskPersonalData(record.number),
      faults: record.faults.map((fault) => ({ ...fault, zh: maskPersonalData(fault.zh), en: '' })),
    })),
  })),
});
