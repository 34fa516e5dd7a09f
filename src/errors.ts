/** What the runner may do about an error; the only thing it looks at. */
export type Remedy = 'retry' | 'give-up' | 'ask-platform';

/**
 * A run, a command or a set-up that failed for a known reason.
 * `code` is AREA_ADJECTIVE; `fix` is one sentence that tells the operator what to do, Chinese first.
 */
export class HubError extends Error {
  readonly code: string;
  readonly remedy: Remedy;
  readonly fix: string;

  constructor(
    code: string,
    message: string,
    options: { readonly remedy: Remedy; readonly fix: string; readonly cause?: unknown },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HubError';
    this.code = code;
    this.remedy = options.remedy;
    this.fix = options.fix;
  }
}

/** One thing wrong with settings, jobs or schemas; a bad set-up lists all of them and exits 78. */
export interface SetupFault {
  /** File or setting name, e.g. `jobs/pull-x.yaml` or `HUB_LISTEN`. */
  readonly where: string;
  /** 1-based, where the file has lines. */
  readonly line?: number;
  readonly zh: string;
  readonly en: string;
}

export class SetupError extends HubError {
  readonly faults: readonly SetupFault[];

  constructor(faults: readonly SetupFault[]) {
    super('SETUP_WRONG', `${faults.length} 处设置错误 (${faults.length} set-up faults)`, {
      remedy: 'give-up',
      fix: '按下列各条逐一修改后重新启动 (mend every line below, then start again)',
    });
    this.faults = faults;
  }
}
