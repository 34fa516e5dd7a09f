/** What may happen to a submit at the far platform; those that begin with `applied-` did their work before they fail. */
export const FAULTS = [
  'reset-before-body',
  'reset-half-body',
  'applied-reset',
  'applied-hang',
  'hang',
  'applied-half-answer',
  'applied-500',
  '500',
  '502',
  '504',
  '408',
  '429',
  '503',
  'html',
  'applied-html',
  'redirect',
  'empty',
  'refused-login',
  'applied-count-wrong',
  'applied-later',
] as const;

export type Fault = (typeof FAULTS)[number];

/** Share of all submits that meet each fault; in all at most 1. */
export type FaultShares = { readonly [F in Fault]?: number };

/** Its number in the fault plan. */
export const CASE_OF: { readonly [F in Fault]: string } = {
  'reset-before-body': 'F10',
  'reset-half-body': 'F10',
  'applied-reset': 'F9',
  'applied-hang': 'F8',
  hang: 'F8',
  'applied-half-answer': 'F11',
  'applied-500': 'F5',
  '500': 'F5',
  '502': 'F7',
  '504': 'F7',
  '408': 'F7',
  '429': 'F6',
  '503': 'F7',
  html: 'F13',
  'applied-html': 'F13',
  redirect: 'F15',
  empty: 'F13',
  'refused-login': 'F16',
  'applied-count-wrong': 'F19',
  'applied-later': 'F20',
};
