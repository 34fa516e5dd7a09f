import type { Answer, QueryAnswer } from '../platform.ts';

/** An answer that says the batch is there, with the checkpoint that went with it. */
export function withAnchored<A extends Answer | QueryAnswer>(answer: A, anchor: string | null | undefined): A {
  const taken = answer.outcome === 'answered' || answer.outcome === 'received' || answer.outcome === 'partial';
  return taken && anchor ? { ...answer, anchored: anchor } : answer;
}
