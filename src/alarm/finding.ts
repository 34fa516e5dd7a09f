/** A condition that holds now and that somebody must hear of. No person's data, no body, no secret in any of its texts. */
export interface Finding {
  /** What it is about, stable over restarts: one alarm per subject. At most 160 ASCII characters. */
  readonly subject: string;
  readonly kind: AlarmKind;
  readonly level: 'urgent' | 'warning';
  /** The hub has done what it can: only a person can go on. */
  readonly exhausted?: boolean;
  /** Its end is not worth a message. */
  readonly quietEnd?: boolean;
  /** What to say at its end, where that is no recovery; else what happened is repeated as a thing of the past. */
  readonly over?: { readonly zh: string; readonly en: string };
  /** What happened, one line. */
  readonly zh: string;
  readonly en: string;
  /** What to do, one sentence. */
  readonly fixZh: string;
  readonly fixEn: string;
  readonly command?: string;
  /** Since when, where the condition itself knows; else since it was seen first. */
  readonly since?: string;
}

export type AlarmKind =
  | 'run'
  | 'batch'
  | 'breaker'
  | 'pause'
  | 'receipt'
  | 'conflict'
  | 'delivery'
  | 'zero'
  | 'duty'
  | 'deadline'
  | 'clock'
  | 'calendar'
  | 'certificate'
  | 'watch'
  | 'disk'
  | 'reconcile'
  | 'log'
  | 'approval'
  | 'break-glass'
  | 'backup'
  | 'message';
