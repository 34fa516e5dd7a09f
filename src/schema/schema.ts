import { sha256 } from '../canonical.ts';
import type { SetupFault } from '../errors.ts';
import { type Fault, isError } from '../fault.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { type Authorities, authorityTable, readAuthorities } from './authority.ts';
import { flatten, type Resolve, resolver } from './flat-schema.ts';
import { compileForm, type Form } from './outbound.ts';
import { metaFaults, type ShapeCheck, schemaEngine } from './schema-engine.ts';
import { schemaFaults } from './schema-faults.ts';
import { isSchemaFile, type JsonFile, readJsonFiles, type SchemaFile } from './schema-file.ts';
import { lintForm, lintSchema, lintType } from './schema-lint.ts';
import { compileUnifiedType, type UnifiedType } from './unified-type.ts';

export type { Identity, SearchTerms, UnifiedType } from './unified-type.ts';

/** All of schemas/: record types and outbound forms by name (`licence/printing`, `credit-sharing/enterprise`), and the authorities. */
export interface Schemas {
  readonly types: ReadonlyMap<string, UnifiedType>;
  readonly forms: ReadonlyMap<string, Form>;
  readonly authorities: Authorities;
  /** Hex SHA-256 over all files: changes with whatever may change what a record is. */
  readonly digest: string;
}

/**
 * Reads, checks and compiles the folder. Every example must pass and every counter-example must fail for the reason it
 * promises; all faults at once, each with file and line. `today` is the local date that examples are judged by.
 */
export function loadSchemas(
  dir: string,
  today: string = localToday(),
): { readonly schemas: Schemas; readonly faults: readonly SetupFault[] } {
  const { files: found, faults: unreadable } = readJsonFiles(dir);
  // The work calendar says nothing of what a record is: calendar/ reads it.
  const all = found.filter(({ name }) => name !== 'calendar');
  const table = all.find(({ name }) => name === 'authorities');
  const { authorities, faults: wrongTable } =
    table === undefined ? { authorities: authorityTable([]), faults: [noTable(dir)] } : readAuthorities(table);
  const others = all.filter((file) => file !== table);
  const files = others.filter(isSchemaFile);
  const resolve = resolver(files);
  const wrong = [
    ...unreadable,
    ...wrongTable,
    ...others.filter((file) => !isSchemaFile(file)).map(notSchema),
    ...files.flatMap((file) => lintSchema(file, resolve)),
    ...metaFaults(files),
  ];
  const digest = sha256(JSON.stringify(all.map(({ name, content }) => [name, content])));
  const empty: Schemas = { types: new Map(), forms: new Map(), authorities, digest };
  if (wrong.length > 0) return { schemas: empty, faults: wrong };
  return compileAll(files, { authorities, resolve, today, digest });
}

interface Compile {
  readonly authorities: Authorities;
  readonly resolve: Resolve;
  readonly today: string;
  readonly digest: string;
}

function compileAll(
  files: readonly SchemaFile[],
  context: Compile,
): { schemas: Schemas; faults: readonly SetupFault[] } {
  const types = new Map<string, UnifiedType>();
  const forms = new Map<string, Form>();
  const faults: SetupFault[] = [];
  const compile = schemaEngine(files);
  for (const file of files.filter(({ name }) => !name.startsWith('definitions/'))) {
    const shape = compiled(file, compile);
    if (typeof shape !== 'function') {
      faults.push(shape);
      continue;
    }
    const schema = flatten(file, context.resolve);
    if (file.content['x-layout'] === undefined) {
      const wrong = lintType(file, schema, context.authorities);
      const type = compileUnifiedType(schema, shape, context.authorities);
      faults.push(
        ...wrong,
        ...(wrong.length > 0 ? [] : exampleFaults(file, (value) => judgeRecord(type, value, context.today))),
      );
      types.set(file.name, type);
    } else {
      const judge = (value: JsonObject): readonly Fault[] => schemaFaults(shape(value), schema.labels, 'outbound');
      faults.push(...lintForm(file, schema), ...exampleFaults(file, judge));
      forms.set(file.name, compileForm(schema, shape));
    }
  }
  return { schemas: { types, forms, authorities: context.authorities, digest: context.digest }, faults };
}

/** What ajv's strict mode finds that the lint did not. */
function compiled(file: SchemaFile, compile: (file: SchemaFile) => ShapeCheck): ShapeCheck | SetupFault {
  try {
    return compile(file);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return file.fault([], `模式无法编译：${message}`, `the schema does not compile: ${message}`);
  }
}

function judgeRecord(type: UnifiedType, record: JsonObject, today: string): readonly Fault[] {
  const faults = [...type.complete(record), ...type.check(record, { today })];
  const identity = faults.some(isError) ? undefined : type.identity(record);
  return identity !== undefined && 'faults' in identity ? [...faults, ...identity.faults] : faults;
}

type Judge = (value: JsonObject) => readonly Fault[];

function exampleFaults(file: SchemaFile, judge: Judge): SetupFault[] {
  const examples = listOf(file.content.examples);
  const counters = listOf(file.content['x-counter-examples']);
  const missing = [
    ...(examples.length > 0 ? [] : [file.fault([], '缺少 examples', 'examples are missing')]),
    ...(counters.length > 0 ? [] : [file.fault([], '缺少 x-counter-examples', 'x-counter-examples are missing')]),
  ];
  const failing = examples.flatMap((value, index) => {
    const found = isJsonObject(value) ? errorsOf(judge(structuredClone(value))) : ['FIELD_TYPE_WRONG'];
    if (found.length === 0) return [];
    return [
      file.fault(['examples', index], `示例不合格：${found.join('、')}`, `the example fails: ${found.join(', ')}`),
    ];
  });
  return [...missing, ...failing, ...counters.flatMap((counter, index) => counterFault(file, counter, index, judge))];
}

/** `{ why, fault, value }`: must fail, with errors of that one code only. */
function counterFault(file: SchemaFile, counter: Json, index: number, judge: Judge): SetupFault[] {
  const complain = (zh: string, en: string): SetupFault[] => [file.fault(['x-counter-examples', index], zh, en)];
  if (
    !isJsonObject(counter) ||
    typeof counter.fault !== 'string' ||
    typeof counter.why !== 'string' ||
    !isJsonObject(counter.value)
  ) {
    return complain('反例要写 why、fault 和 value', 'a counter-example has why, fault and value');
  }
  const found = errorsOf(judge(structuredClone(counter.value)));
  if (found.length === 0)
    return complain(`反例竟然通过，应有 ${counter.fault}`, `the counter-example passes, ${counter.fault} was promised`);
  if (found.length === 1 && found[0] === counter.fault) return [];
  return complain(
    `反例应有 ${counter.fault}，实有 ${found.join('、')}`,
    `the counter-example promises ${counter.fault} but gives ${found.join(', ')}`,
  );
}

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);

const errorsOf = (faults: readonly Fault[]): readonly string[] => [
  ...new Set(faults.filter(isError).map(({ code }) => code)),
];

const notSchema = (file: JsonFile): SetupFault => file.fault([], '应为一个 JSON 模式', 'must be a JSON Schema object');

const noTable = (dir: string): SetupFault => ({
  where: dir,
  zh: '缺少 authorities.json（发证机关表）',
  en: 'authorities.json, the table of issuing authorities, is missing',
});

const localToday = (): string => new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10);
