import type { BodyHeader, BodyRecord } from '../delivery/outgoing-body.ts';
import { textOf } from '../delivery/package-data.ts';
import type { WireForm } from '../delivery/wire-form.ts';
import type { ExcelPlatformSpec } from '../platform-spec.ts';
import type { Form } from '../schema/outbound.ts';
import { xlsxBytes } from '../wire/xlsx-bytes.ts';
import type { UploadTemplate } from './upload-template.ts';

const TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/**
 * The platform's upload template (docs/platform-excel.md §1), filled: first line exactly the Chinese titles of the form in its order, or the
 * header of the platform's own file; below it the records as texts; at the bottom the «表格说明».
 */
export function uploadSheet(
  spec: ExcelPlatformSpec,
  forms: Iterable<Form>,
  files: ReadonlyMap<string, Buffer> = new Map(),
): WireForm {
  const known = [...forms];
  return {
    contentType: TYPE,
    render: async (header, records) => {
      const columns = columnsOf(header, records, known).map(({ name, title }) => ({
        name,
        title: spec.titles?.[name] ?? title,
      }));
      const template =
        spec.template === undefined ? undefined : await fitting({ path: spec.template, files }, spec, columns);
      const head = template?.titles ?? [...columns.map(({ title }) => title), ...slotsOf(spec)];
      const rows = records.map((record) => cellsOf(record, head, { spec, columns }));
      const notes = [...(template?.notes ?? []), ...(spec.notes ?? []), ...withdrawalNote(records, spec, template)];
      return xlsxBytes({
        name: spec.sheet ?? template?.sheet ?? 'Sheet1',
        above: template?.above ?? [],
        head,
        rows,
        notes,
      });
    },
  };
}

interface TitledColumn {
  readonly name: string;
  readonly title: string;
}

const slotsOf = ({ slots }: ExcelPlatformSpec): string[] =>
  [slots?.rowId, slots?.op].filter((slot) => slot !== undefined);

/** A row in the order of the header: each title is a column of the form, or a slot of ours. */
function cellsOf(
  record: BodyRecord,
  head: readonly string[],
  { spec, columns }: { readonly spec: ExcelPlatformSpec; readonly columns: readonly TitledColumn[] },
): string[] {
  const data: { readonly [column: string]: unknown } = JSON.parse(record.data);
  const nameOf = new Map(columns.map(({ name, title }) => [title, name]));
  return head.map((title) => {
    if (title === spec.slots?.rowId) return record.rowId;
    if (title === spec.slots?.op) return record.op;
    const name = nameOf.get(title);
    return name === undefined ? '' : textOf(data[name]);
  });
}

/** The platform's own file; one whose header and our form do not know each other's columns must not be filled. */
async function fitting(
  { path, files }: { readonly path: string; readonly files: ReadonlyMap<string, Buffer> },
  spec: ExcelPlatformSpec,
  columns: readonly TitledColumn[],
): Promise<UploadTemplate> {
  // Loaded only where a template is read: it takes time and memory.
  const { readTemplate, wrongTemplate } = await import('./upload-template.ts');
  const ours = new Set([...columns.map(({ title }) => title), ...slotsOf(spec)]);
  const template = await readTemplate(path, ours, files.get(path));
  const strange = template.titles.filter((title) => title !== '' && !ours.has(title));
  const lacking = [...ours].filter((title) => !template.titles.includes(title));
  if (strange.length === 0 && lacking.length === 0) return template;
  const said = [
    strange.length === 0 ? '' : `表头多出 ${strange.join('、')}`,
    lacking.length === 0 ? '' : `缺少 ${lacking.join('、')}`,
  ].filter((text) => text !== '');
  throw wrongTemplate(path, `${said.join('；')} (its header and the form differ)`);
}

function columnsOf({ dataClass, layoutVersion }: BodyHeader, records: readonly BodyRecord[], forms: readonly Form[]) {
  const form = forms.find((one) => one.dataClass === dataClass && one.layout === layoutVersion);
  if (form !== undefined) return form.columns.map(({ name, title }) => ({ name, title: title.zh }));
  const names = records.flatMap(({ data }) => Object.keys(JSON.parse(data)));
  return [...new Set(names)].sort().map((name) => ({ name, title: name }));
}

/** A template without a column for it says below which records are to be taken from view: the person who uploads does that. */
function withdrawalNote(
  records: readonly BodyRecord[],
  { slots }: ExcelPlatformSpec,
  template: UploadTemplate | undefined,
): string[] {
  const first = (template?.above.length ?? 0) + 2;
  const lines = records.flatMap(({ op }, index) => (op === 'D' ? [index + first] : []));
  if (slots?.op !== undefined || lines.length === 0) return [];
  return [`说明：第 ${lines.join('、')} 行为撤回，请在平台上撤下这些记录`];
}
