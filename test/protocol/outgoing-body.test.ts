import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../../src/canonical.ts';
import { type BodyRecord, buildBody, payloadHash } from '../../src/delivery/outgoing-body.ts';
import type { JsonObject } from '../../src/json.ts';

const header = {
  packageId: 'gcszuxa5j7ncr2zcifuirlxugkgazsfp3hwucewy',
  dataClass: 'XK_FR',
  layoutVersion: 'XYSGS-2018',
  sender: { code: '11450000007560019Y', name: '广西"局' },
};

const record = (data: JsonObject, op: 'U' | 'D' = 'U'): BodyRecord => {
  const json = canonicalJson(data);
  const rowId = 'b7ecn6sf32byjiemnlkvs3sl7cixmoguz43huxsy';
  return { rowId, recordKey: 'ab'.repeat(32), dataVersion: 3, op, payloadHash: payloadHash(json), data: json };
};

test('a body is byte for byte what the contract shows', () => {
  const bytes = buildBody(header, [record({ XK_XDR_MC: '测试公司', A: 1 }), record({ XK_ZT: '2' }, 'D')]);
  const hashes = [
    // printf '%s' '{"A":1,"XK_XDR_MC":"测试公司"}' | sha256sum
    '940fe78cb34b297b7e174d7174241a6ebcca6998a891f4cf96302e30885a956f',
    '8ec502af9c1f8ed8fde39bd7dac96dfe253ebbc1a4dd49ecadb40d49062ef6ae',
  ];
  expect(bytes.toString()).toBe(
    '{"header":{"packageId":"gcszuxa5j7ncr2zcifuirlxugkgazsfp3hwucewy","version":"1","dataClass":"XK_FR","layoutVersion":"XYSGS-2018",' +
      '"senderCode":"11450000007560019Y","senderName":"广西\\"局","recordCount":2,"opCounts":{"U":1,"D":1}},"records":[' +
      `{"rowId":"b7ecn6sf32byjiemnlkvs3sl7cixmoguz43huxsy","recordKey":"${'ab'.repeat(32)}","dataVersion":3,"op":"U","payloadHash":"${hashes[0]}","data":{"A":1,"XK_XDR_MC":"测试公司"}},` +
      `{"rowId":"b7ecn6sf32byjiemnlkvs3sl7cixmoguz43huxsy","recordKey":"${'ab'.repeat(32)}","dataVersion":3,"op":"D","payloadHash":"${hashes[1]}","data":{"XK_ZT":"2"}}]}`,
  );
});

test('whatever the records hold, the body is JSON that reads back as the same records and counts', () => {
  const data = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer()));
  const records = fc.array(fc.tuple(data, fc.constantFrom('U', 'D')), { maxLength: 8 });
  fc.assert(
    fc.property(records, (made) => {
      const batch = made.map(([fields, op]) => record({ ...fields }, op));
      const body = JSON.parse(buildBody(header, batch).toString());
      expect(body.records.map((read: { data: unknown }) => read.data)).toEqual(made.map(([fields]) => ({ ...fields })));
      expect(body.header.recordCount).toBe(made.length);
      expect(body.header.opCounts.D).toBe(made.filter(([, op]) => op === 'D').length);
      expect(body.header.opCounts.U + body.header.opCounts.D).toBe(made.length);
    }),
  );
});
