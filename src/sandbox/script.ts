/** How a far end behaves. What each answer does stands in docs/sandbox.md. */
const ANSWERS = [
  ...(['accept', 'reject', 'delay', 'lose', 'drop', 'hang', 'busy'] as const),
  ...(['garbage', 'half', 'lie', 'refuse', 'redirect', 'unauthorised'] as const),
] as const;

export interface Step {
  readonly answer: (typeof ANSWERS)[number];
  /** How often before the next step, default 1. */
  readonly times?: number;
  /** Which requests it waits for: a submit or read (default), or a platform's query. */
  readonly on?: 'submit' | 'query';
  /** Milliseconds before the answer goes out. */
  readonly ms?: number;
  /** `busy`: seconds in Retry-After, default 1. */
  readonly retryAfter?: number;
  /** `reject`: share of records, 0–1; the same record always fares alike. */
  readonly ratio?: number;
  /** `reject`: which records and why. */
  readonly rules?: readonly RejectRule[];
  /** `refuse`: only when a record like this is inside; absent: every batch. */
  readonly poison?: RecordRule;
  /** `lie`: how many records are called OK and not kept, default 1. */
  readonly count?: number;
  /** `garbage`, `hang`: keep the batch before answering so? Default false. */
  readonly apply?: boolean;
}

/** A record is meant when its field is one of `values`, or contains `contains`. */
interface RecordRule {
  readonly field: string;
  readonly values?: readonly string[];
  readonly contains?: string;
}

interface RejectRule extends RecordRule {
  /** `SUBJECT_NOT_FOUND`, `NAME_MISMATCH`, … */
  readonly code: string;
  readonly message?: string;
}

/** Steps in order, each as often as it says, then `otherwise` for ever. */
export interface Script {
  readonly steps: readonly Step[];
  readonly otherwise: Step;
}

export const ACCEPT: Script = { steps: [], otherwise: { answer: 'accept' } };

export function matches(rule: RecordRule, data: { readonly [field: string]: unknown }): boolean {
  const value = String(data[rule.field] ?? '');
  if (rule.values !== undefined) return rule.values.includes(value);
  return rule.contains !== undefined && value.includes(rule.contains);
}

/** The step for this request and the script that remains after it. */
export function nextStep(script: Script, on: 'submit' | 'query'): { readonly step: Step; readonly rest: Script } {
  const found = script.steps.findIndex((step) => (step.on ?? 'submit') === on);
  const step = script.steps[found];
  if (step === undefined) {
    const isMeant = (script.otherwise.on ?? 'submit') === on;
    return { step: isMeant ? script.otherwise : { answer: 'accept' }, rest: script };
  }
  const left = (step.times ?? 1) - 1;
  const steps = left > 0 ? script.steps.with(found, { ...step, times: left }) : script.steps.toSpliced(found, 1);
  return { step, rest: { ...script, steps } };
}

/** Reads what a person posted: a list of steps, or `{steps, otherwise}`. Throws an Error that says what is wrong. */
export function readScript(value: unknown): Script {
  if (Array.isArray(value)) return { steps: value.map(readStep), otherwise: { answer: 'accept' } };
  if (typeof value !== 'object' || value === null)
    throw new Error('脚本应为步骤列表或 {steps, otherwise} (a script is a list of steps or {steps, otherwise})');
  const { steps = [], otherwise = { answer: 'accept' } } = value as { steps?: unknown; otherwise?: unknown };
  if (!Array.isArray(steps)) throw new Error('steps 应为列表 (steps must be a list)');
  return { steps: steps.map(readStep), otherwise: readStep(otherwise) };
}

function readStep(value: unknown): Step {
  const step = value as Step;
  if (typeof value === 'object' && value !== null && ANSWERS.includes(step.answer)) return step;
  throw new Error(`步骤的 answer 应为 ${ANSWERS.join('、')} 之一 (answer must be one of these)`);
}
