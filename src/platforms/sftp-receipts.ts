import { posix } from 'node:path';
import type { StrayReceipt } from '../platform.ts';
import type { SftpPlatformSpec } from '../platform-spec.ts';
import { FileDamage } from '../sources/file-damage.ts';
import { type ReceiptFile, readReceiptFiles } from './receipt-file.ts';
import { speaksForItself, toStray } from './receipt-verdicts.ts';
import type { SftpFiles } from './sftp-files.ts';
import { SftpTrouble } from './sftp-trouble.ts';

const MAX_RECEIPT_BYTES = 32 << 20;
const ENDINGS = /\.(?:json|xml|csv|xlsx|zip)$/i;

/** Receipts that bear the base name of a package: `base.json`, `base_2.xml`, `base.receipt.csv` … */
export async function receiptsOf(files: SftpFiles, spec: SftpPlatformSpec, base: string): Promise<ReceiptFile[]> {
  if (spec.receiptFolder === undefined) return [];
  const names = (await files.list(spec.receiptFolder)).map(({ name }) => name);
  const receipts: ReceiptFile[] = [];
  for (const name of names.filter((one) => isOf(one, base))) receipts.push(...(await fetchReceipts(files, spec, name)));
  return receipts;
}

/** The character behind the base must end it: batch 1 must not take the receipt of batch 10. */
const isOf = (name: string, base: string): boolean =>
  name.startsWith(base) && ENDINGS.test(name) && /^[._-]/.test(name.slice(base.length));

async function fetchReceipts(files: SftpFiles, spec: SftpPlatformSpec, name: string): Promise<readonly ReceiptFile[]> {
  const bytes = await files.read(posix.join(spec.receiptFolder ?? '', name), MAX_RECEIPT_BYTES);
  if (bytes === undefined) return [];
  try {
    return await readReceiptFiles(name, bytes, spec.receipt?.columns);
  } catch (error) {
    if (error instanceof FileDamage)
      throw new SftpTrouble('damaged', `回执 ${name} 不可读：${error.message} (unreadable receipt)`);
    throw error;
  }
}

/** Everything in the receipts folder, oldest name first; a taken one goes to `receiptDoneFolder` where there is one. */
export async function* strayReceipts(
  spec: SftpPlatformSpec,
  visit: <T>(work: (files: SftpFiles) => Promise<T>) => Promise<T>,
): AsyncGenerator<StrayReceipt> {
  const folder = spec.receiptFolder ?? '';
  const names = (await visit((files) => files.list(folder)))
    .map(({ name }) => name)
    .filter((name) => ENDINGS.test(name));
  for (const name of names) {
    const receipts = await visit((files) => fetchReceipts(files, spec, name));
    // What only its own package can explain (rows by number, failures alone, a failed package check) is left for the question about it.
    if (!receipts.every((receipt) => speaksForItself(receipt, spec.receipt))) continue;
    for (const receipt of receipts) yield { ...toStray(receipt, spec.receipt), taken: () => move(name) };
  }
  async function move(name: string): Promise<void> {
    const done = spec.receiptDoneFolder;
    if (done === undefined) return;
    await visit(async (files) => {
      if ((await files.size(posix.join(folder, name))) === undefined) return;
      await files.rename(posix.join(folder, name), posix.join(done, name));
    });
  }
}
