import type { HardenedHttp, HttpOutcome } from '../hardened-http.ts';
import { durationS } from '../job/duration.ts';
import type { HttpPlatformSpec, LoginSpec } from '../platform-spec.ts';
import { answerDocument } from '../wire/answer-document.ts';
import { contentTypeOf, fillTemplate } from '../wire/body-template.ts';
import { innerDocument } from './http-answer.ts';
import { type Call, callValues, type Moment, perform } from './http-call.ts';
import type { Credentials } from './http-credentials.ts';
import type { NoProof } from './proof.ts';

export interface Login {
  /** A token that holds, by login if there is none yet. */
  token(signal: AbortSignal): Promise<{ readonly token: string } | NoProof>;
  /** The platform says that this one has expired. */
  forget(token: string): void;
}

export interface LoginContext {
  readonly spec: HttpPlatformSpec;
  readonly http: HardenedHttp;
  readonly credentials: Credentials;
  readonly moment: () => Moment;
}

interface Held {
  readonly token: string;
  readonly untilMs: number;
}

/** Keeps one token for all requests of this run, in memory only; however many wait, there is one login. */
export function login(spec: LoginSpec, context: LoginContext): Login {
  const goodForMs = (durationS(spec.goodFor ?? '365d') ?? 0) * 1000;
  let held: Held | undefined;
  let asking: Promise<{ readonly token: string } | NoProof> | undefined;
  const ask = async (signal: AbortSignal) => {
    const answer = await logIn(spec, context, signal);
    if ('token' in answer) held = { ...answer, untilMs: context.moment().now.getTime() + goodForMs };
    return answer;
  };
  return {
    token: (signal) => {
      if (held !== undefined && held.untilMs > context.moment().now.getTime()) return Promise.resolve(held);
      asking ??= ask(signal).finally(() => {
        asking = undefined;
      });
      return asking;
    },
    forget: (token) => {
      if (held?.token === token) held = undefined;
    },
  };
}

/** Nothing of an answer is kept: it holds the token. */
async function logIn(spec: LoginSpec, context: LoginContext, signal: AbortSignal) {
  const moment = context.moment();
  const values = callValues(moment);
  const proof = await context.credentials.prove(values, signal);
  if ('reason' in proof) return proof;
  const exchange = await perform(context.http, context.spec, { call: loginCall(spec, moment), values, proof, signal });
  if (exchange.outcome === 'failure') {
    return failed(`登录未成：${exchange.reason} (could not log in)`, exchange.kind === 'tls');
  }
  return tokenOf(spec, exchange);
}

function loginCall({ path, headers = {}, body, form }: LoginSpec, moment: Moment): Call {
  if (body === undefined) return { method: 'POST', path, headers };
  const values = callValues(moment);
  return {
    method: 'POST',
    path,
    headers: {
      Accept: acceptOf(form ?? ('xml' in body ? 'xml' : 'json')),
      'Content-Type': contentTypeOf(body),
      ...headers,
    },
    body: Buffer.from(fillTemplate(body, values)),
  };
}

export const acceptOf = (form: 'json' | 'xml'): string =>
  form === 'json' ? 'application/json' : 'text/xml, application/xml, application/soap+xml';

function tokenOf(spec: LoginSpec, exchange: Extract<HttpOutcome, { readonly outcome: 'answer' }>) {
  const { status, headers, body } = exchange;
  if (status === 401 || status === 403) return failed(`登录被拒 ${status} (login refused)`, true);
  if (status !== 200) return failed(`登录时对方答 ${status} (answered ${status} to the login)`, false);
  const form = spec.form ?? (spec.body !== undefined && 'xml' in spec.body ? 'xml' : 'json');
  const outer = answerDocument(form, headers['content-type'], body);
  const read = 'doubt' in outer || spec.within === undefined ? outer : innerDocument(outer.document, spec.within);
  if ('doubt' in read) return failed(`登录的${read.doubt}`, false);
  const code = spec.code === undefined ? undefined : read.document.text(spec.code);
  if (spec.code !== undefined && !(spec.good ?? ['0']).includes(code ?? '')) {
    return failed('登录被拒，请检查用户名和口令 (login refused: check user and password)', true);
  }
  const token = read.document.text(spec.token);
  if (token === undefined || token === '' || /[^\x21-\x7e]/.test(token)) {
    return failed('登录的回答里没有令牌 (the answer to the login has no token)', true);
  }
  return { token };
}

const failed = (reason: string, page: boolean): NoProof => ({ reason, page });
