import program from '../../package.json' with { type: 'json' };
import { canonicalJson, sha256 } from '../canonical.ts';
import type { Json } from '../json.ts';
import type { PullJob } from './job.ts';

/** 8 bytes that change with whatever decides what becomes of a row: the job, the schemas and authorities, this program's version. */
export function rulesOf(job: PullJob, schemasDigest: string): Buffer {
  const { type, mapping, authority, authorities, id, source } = job;
  const decides = { type, mapping, authority, authorities, id, source, schemasDigest, program: program.version };
  const text = canonicalJson(JSON.parse(JSON.stringify(decides)) as Json);
  return Buffer.from(sha256(text).slice(0, 16), 'hex');
}
