import type { BodyHeader, BodyRecord } from '../delivery/outgoing-body.ts';
import { textOf } from '../delivery/package-data.ts';
import type { WireForm } from '../delivery/wire-form.ts';
import type { ExcelPlatformSpec } from '../platform-spec.ts';
import type { Form } from '../schema/outbound.ts';
import { xlsxBytes } from '../wire/xlsx-bytes.ts';

const TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/**
 * The platform's upload template (docs/platform-excel.md §1), filled: first line exactly the Chinese titles of the form in its order;
 * below it the records as texts; at the bottom the «表格说明».
 */
export function uploadSheet(spec: ExcelPlatformSpec, forms: Iterable<Form>): WireForm {
  const known = [...forms];
  return {
    contentType: TYPE,
    render: (header, records) => {
      const columns = columnsOf(header, records, known).map(({ name, title }) => ({
        name,
        title: spec.titles?.[name] ?? title,
      }));
      const { rowId, op } = spec.slots ?? {};
      const slots = [rowId, op].filter((slot) => slot !== undefined);
      const rows = records.map((record) => {
        const data: { readonly [column: string]: unknown } = JSON.parse(record.data);
        const extra = [rowId && record.rowId, op && record.op].filter((value) => value !== undefined);
        return [...columns.map(({ name }) => textOf(data[name])), ...extra];
      });
      const head = [...columns.map(({ title }) => title), ...slots];
      return xlsxBytes({
        name: spec.sheet ?? 'Sheet1',
        head,
        rows,
        notes: [...(spec.notes ?? []), ...withdrawalNote(records, op)],
      });
    },
  };
}

function columnsOf({ dataClass, layoutVersion }: BodyHeader, records: readonly BodyRecord[], forms: readonly Form[]) {
  const form = forms.find((one) => one.dataClass === dataClass && one.layout === layoutVersion);
  if (form !== undefined) return form.columns.map(({ name, title }) => ({ name, title: title.zh }));
  const names = records.flatMap(({ data }) => Object.keys(JSON.parse(data)));
  return [...new Set(names)].sort().map((name) => ({ name, title: name }));
}

/** A template without a column for it says below which records are to be taken from view: the person who uploads does that. */
function withdrawalNote(records: readonly BodyRecord[], slot: string | undefined): string[] {
  const lines = records.flatMap(({ op }, index) => (op === 'D' ? [index + 2] : []));
  if (slot !== undefined || lines.length === 0) return [];
  return [`说明：第 ${lines.join('、')} 行为撤回，请在平台上撤下这些记录`];
}
