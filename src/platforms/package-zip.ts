import { createHash } from 'node:crypto';
import iconv from 'iconv-lite';
import { sha256 } from '../canonical.ts';
import type { BodyHeader, BodyRecord } from '../delivery/outgoing-body.ts';
import { type DataForm, packageData } from '../delivery/package-data.ts';
import type { WireForm } from '../delivery/wire-form.ts';
import type { SftpPlatformSpec } from '../platform-spec.ts';
import type { Form } from '../schema/outbound.ts';
import { zipBytes } from '../wire/zip-bytes.ts';

/**
 * The package of docs/platform-sftp.md §1: one data file and `manifest.json`, in a zip that is the same bytes for the same batch.
 * `forms` give the order of the columns.
 */
export function packageZip(spec: SftpPlatformSpec, forms: Iterable<Form>): WireForm {
  const known = [...forms];
  return {
    contentType: 'application/zip',
    render: (header, records) => {
      const data = dataFile(header, records, spec, known);
      const manifest = manifestOf(header, records, data, spec.encoding ?? 'utf-8');
      return zipBytes([data, { name: 'manifest.json', bytes: Buffer.from(JSON.stringify(manifest)) }]);
    },
  };
}

function dataFile(header: BodyHeader, records: readonly BodyRecord[], spec: SftpPlatformSpec, forms: readonly Form[]) {
  const kind = spec.data ?? 'json';
  const columns = columnsOf(header, spec, forms);
  const encoding = kind === 'json' ? 'utf-8' : (spec.encoding ?? 'utf-8');
  const form: DataForm = { data: kind, columns, encoding, slots: spec.slots ?? {} };
  const text = packageData(header, records, form);
  const bytes = encoding === 'utf-8' ? Buffer.from(text) : iconv.encode(text, 'gb18030');
  return { name: `data.${kind}`, bytes };
}

function columnsOf({ dataClass, layoutVersion }: BodyHeader, { heads }: SftpPlatformSpec, forms: readonly Form[]) {
  const form = forms.find((one) => one.dataClass === dataClass && one.layout === layoutVersion);
  return form?.columns.map(({ name, title }) => ({ name, head: heads === 'titles' ? title.zh : name }));
}

/** Digest, counts and header of the data file; its rows in order with what identifies them. */
function manifestOf(
  header: BodyHeader,
  records: readonly BodyRecord[],
  { name, bytes }: { readonly name: string; readonly bytes: Buffer },
  encoding: string,
) {
  const withdrawn = records.filter(({ op }) => op === 'D').length;
  return {
    packageId: header.packageId,
    version: '1',
    dataClass: header.dataClass,
    layoutVersion: header.layoutVersion,
    senderCode: header.sender.code,
    senderName: header.sender.name,
    recordCount: records.length,
    opCounts: { U: records.length - withdrawn, D: withdrawn },
    dataFile: name,
    encoding: name === 'data.json' ? 'utf-8' : encoding,
    size: bytes.length,
    sha256: sha256(bytes),
    sm3: createHash('sm3').update(bytes).digest('hex'),
    rows: records.map(({ rowId, recordKey, dataVersion, op, payloadHash }, index) => ({
      ...{ rowNo: index + 1, rowId, recordKey, dataVersion, op, payloadHash },
    })),
  };
}
