import { isError } from '../fault.ts';
import { readCreditCode } from '../rules/credit-code.ts';
import type { Define } from './command.ts';
import { plain, print, printJson } from './print.ts';

/** `hub code check`: 统一社会信用代码 (GB 32100-2015). Exit 1 when one of them is wrong. */
export const codeCommand: Define = (program, act) => {
  program
    .command('code')
    .description('统一社会信用代码 (unified social credit codes)')
    .command('check <code...>')
    .description('校验 (check)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (codes: string[], { json }: { json?: boolean }) => {
        const answers = codes.map(checkCode);
        if (json) printJson(answers);
        else for (const answer of answers) printAnswer(answer);
        return answers.every(({ valid }) => valid) ? 0 : 1;
      }),
    );
};

function checkCode(code: string) {
  const { faults } = readCreditCode(code);
  return {
    code,
    valid: !faults.some(isError),
    faults: faults.filter(isError),
    warnings: faults.filter((fault) => !isError(fault)),
  };
}

function printAnswer({ code, valid, faults, warnings }: ReturnType<typeof checkCode>): void {
  print(`${valid ? '✓' : '✗'} ${plain(code)}${valid ? '  有效 (valid)' : ''}`);
  for (const fault of [...faults, ...warnings]) print(`    ${fault.level}: ${plain(fault.zh)} (${plain(fault.en)})`);
}
