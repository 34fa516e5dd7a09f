import { globSync, readFileSync } from 'node:fs';
import { dirname, join, posix, sep } from 'node:path';
import { parseSync } from 'oxc-parser';

/**
 * The import rules of the house: imports point down, or sideways without a circle. Types count too: what a file
 * names, it knows. Returns one sentence per broken rule, each naming the file that breaks it.
 */
export function brokenImports(root: string): string[] {
  const files = globSync('src/**/*.{ts,tsx,js}', { cwd: root }).map((path) => path.split(sep).join('/'));
  if (files.length === 0) return [`${root}: no source file was found, so nothing was checked`];
  const graph = new Map(
    files.toSorted().map((file) => [file, importsOf(root, file).filter((to) => files.includes(to))]),
  );
  return [...homeless(files), ...wrongWay(graph), ...circles(graph)];
}

type Graph = ReadonlyMap<string, readonly string[]>;

/** Files right under src/ that are not named here stand on floor 1; folders stand on one floor as a whole. */
const floors: readonly { readonly floor: number; readonly names: readonly string[] }[] = [
  {
    floor: 0,
    names: [
      'errors',
      'canonical',
      'settings',
      'alarm-settings',
      'backup-settings',
      'trace',
      'json',
      'suggest',
      'failpoint',
      'memory',
    ],
  },
  { floor: 1, names: ['rules/', 'schema/', 'mapping/', 'job/', 'delivery/', 'wire/', 'calendar/', 'duty/'] },
  { floor: 2, names: ['sources/', 'platforms/', 'store/', 'evidence/', 'hardened-http'] },
  {
    floor: 3,
    names: [
      ...['pull/', 'push/', 'publish', 'resync/', 'reconcile/', 'licence/'],
      ...['periods/', 'accounts/', 'alarm/', 'audit/', 'carry/'],
      ...['quarantine', 'run-job', 'hub-context'],
    ],
  },
  { floor: 4, names: ['engine/'] },
  { floor: 5, names: ['api/', 'console/', 'sandbox/', 'demo', 'demo/'] },
  { floor: 6, names: ['hub', 'cli/'] },
];

/** `src/store/runs.ts` is called `store/`, `src/run-job.ts` is called `run-job`. */
const nameOf = (file: string): string => /^src\/([^/]+\/|[^/.]+)/.exec(file)?.[1] ?? file;

function floorOf(file: string): number | undefined {
  const name = nameOf(file);
  const listed = floors.find(({ names }) => names.includes(name));
  if (listed !== undefined) return listed.floor;
  return name.endsWith('/') ? undefined : 1;
}

const homeless = (files: readonly string[]): string[] =>
  files
    .filter((file) => floorOf(file) === undefined)
    .map((file) => `${file}: its folder stands on no floor (test/gate/floors.ts)`);

function wrongWay(graph: Graph): string[] {
  return [...graph].flatMap(([from, targets]) =>
    targets.flatMap((to) => {
      const [floor, below] = [floorOf(from) ?? 0, floorOf(to) ?? 0];
      if (below > floor) return [`${from}: floor ${floor} imports ${to} of floor ${below}`];
      const foreign = nameOf(from) === 'sandbox/' && nameOf(to) !== 'sandbox/' && below > 1;
      return foreign ? [`${from}: the sandbox imports ${to}, it may know floors 0 and 1 only`] : [];
    }),
  );
}

/** Each circle once, told from its first file in alphabetical order. */
function circles(graph: Graph): string[] {
  const found = new Set<string>();
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.add(told(path.slice(start)));
    if (start >= 0 || done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return [...found];
}

function told(circle: readonly string[]): string {
  const first = circle.indexOf(circle.toSorted()[0] ?? '');
  const turned = [...circle.slice(first), ...circle.slice(0, first)];
  return `${turned[0]}: circle ${[...turned, turned[0]].join(' → ')}`;
}

function importsOf(root: string, file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const { module } = parseSync(file, text);
  const stated = [
    ...module.staticImports.map((found) => found.moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) => entries.flatMap((entry) => entry.moduleRequest?.value ?? [])),
    ...module.dynamicImports.map(({ moduleRequest: { start, end } }) => text.slice(start + 1, end - 1)),
    // A worker's file is reached by its address, and is known all the same; hub.js is started as a program of its own.
    ...text.matchAll(/new URL\(\s*'(\.[^']+\.ts)'/g).map((match) => match[1] ?? ''),
  ];
  const relative = stated.filter((target) => target.startsWith('.'));
  return [...new Set(relative.map((target) => posix.join(dirname(file), target)))];
}
