import { sha256 } from '../canonical.ts';
import type { SetupFault } from '../errors.ts';
import { type Fault, isError } from '../fault.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { NOTHING_PROVEN, type Proven } from '../proven.ts';
import { type Authorities, authorityTable, readAuthorities } from './authority.ts';
import { type FlatSchema, flatten, type Resolve, resolver } from './flat-schema.ts';
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
 * promises; all faults at once, each with file and line. `today` is the local date that examples are judged by. What is
 * `proven` for this day is not judged again: its validators are compiled when they are first needed.
 */
export function loadSchemas(
  dir: string,
  today: string = localToday(),
  proven: Proven = NOTHING_PROVEN,
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
  const digest = sha256(JSON.stringify(all.map(({ name, content }) => [name, content])));
  const broken = [...unreadable, ...wrongTable, ...others.filter((file) => !isSchemaFile(file)).map(notSchema)];
  const proof = sha256(JSON.stringify([digest, today]));
  const isProven = broken.length === 0 && proven.has(proof);
  const wrong = isProven
    ? []
    : [...broken, ...files.flatMap((file) => lintSchema(file, resolve)), ...metaFaults(files)];
  const empty: Schemas = { types: new Map(), forms: new Map(), authorities, digest };
  if (wrong.length > 0) return { schemas: empty, faults: wrong };
  const compiled = compileAll(files, { authorities, resolve, digest, judgedOn: isProven ? undefined : today });
  if (!isProven && compiled.faults.length === 0) proven.add(proof);
  return compiled;
}

interface Compile {
  readonly authorities: Authorities;
  readonly resolve: Resolve;
  readonly digest: string;
  /** Local date; absent where nothing is to be judged. */
  readonly judgedOn: string | undefined;
}

function compileAll(
  files: readonly SchemaFile[],
  { authorities, resolve, digest, judgedOn }: Compile,
): { schemas: Schemas; faults: readonly SetupFault[] } {
  const types = new Map<string, UnifiedType>();
  const forms = new Map<string, Form>();
  const faults: SetupFault[] = [];
  const compile = schemaEngine(files);
  for (const file of files.filter(({ name }) => !name.startsWith('definitions/'))) {
    const shape = judgedOn === undefined ? whenNeeded(() => compile(file)) : compiled(file, compile);
    if (typeof shape !== 'function') {
      faults.push(shape);
      continue;
    }
    const schema = flatten(file, resolve);
    if (file.content['x-layout'] === undefined) {
      const type = compileUnifiedType(schema, shape, authorities);
      if (judgedOn !== undefined) faults.push(...typeFaults(file, { schema, type, authorities, today: judgedOn }));
      types.set(file.name, type);
    } else {
      const judge = (value: JsonObject): readonly Fault[] => schemaFaults(shape(value), schema.labels, 'outbound');
      if (judgedOn !== undefined) faults.push(...lintForm(file, schema), ...exampleFaults(file, judge));
      forms.set(file.name, compileForm(schema, shape));
    }
  }
  return { schemas: { types, forms, authorities, digest }, faults };
}

function whenNeeded(compile: () => ShapeCheck): ShapeCheck {
  let shape: ShapeCheck | undefined;
  return (value) => {
    shape ??= compile();
    return shape(value);
  };
}

interface Judged {
  readonly schema: FlatSchema;
  readonly type: UnifiedType;
  readonly authorities: Authorities;
  readonly today: string;
}

/** Examples say nothing of a type that does not say what it must about itself. */
function typeFaults(file: SchemaFile, { schema, type, authorities, today }: Judged): readonly SetupFault[] {
  const wrong = lintType(file, schema, authorities);
  return wrong.length > 0 ? wrong : exampleFaults(file, (value) => judgeRecord(type, value, today));
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
