import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { commandRoles } from '../../src/accounts/command-roles.ts';
import { ROLES, roleTable } from '../../src/accounts/roles.ts';

const page = fileURLToPath(new URL('../../docs/accounts.md', import.meta.url));
const BEGIN = '<!-- rights: made by node test/accounts/rights-table.ts -->';
const END = '<!-- /rights -->';

/** Roles and commands × roles as Markdown, from the tables that the hub itself asks. */
export function rightsTable(): string {
  const roles = ROLES.map(
    (role) => `| \`${role}\` | ${roleTable[role].zh} | ${roleTable[role].en} | ${roleTable[role].group} |`,
  );
  const does = { reads: '查 reads', changes: '改 changes', free: '—', serves: '系统 the hub itself' } as const;
  const commands = Object.entries(commandRoles)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([command, rule]) => {
      const open = rule.does === 'free' || rule.does === 'serves';
      const marks = ROLES.map((role) => (open ? '·' : rule.roles.includes(role) ? '✓' : ''));
      return `| \`hub ${command}\` | ${does[rule.does]} | ${marks.join(' | ')} |`;
    });
  return [
    '| role | 中文 | | group |',
    '|---|---|---|---|',
    ...roles,
    '',
    `| command | | ${ROLES.join(' | ')} |`,
    `|---|---|${ROLES.map(() => '---|').join('')}`,
    ...commands,
  ].join('\n');
}

/** What the page says between its marks. */
export function writtenTable(): string {
  const text = readFileSync(page, 'utf8');
  return text.slice(text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)).trim();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const text = readFileSync(page, 'utf8');
  writeFileSync(
    page,
    `${text.slice(0, text.indexOf(BEGIN))}${BEGIN}\n\n${rightsTable()}\n\n${text.slice(text.indexOf(END))}`,
  );
}
