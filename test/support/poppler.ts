import { spawnSync } from 'node:child_process';

const painter = 'pdftoppm';

/** A PDF reader of other people's making: what it sees is what an auditor sees. */
export const popplerAvailable: boolean = spawnSync(painter, ['-v']).status === 0;

const run = (program: string, args: readonly string[]): Buffer => {
  const { status, stdout, stderr } = spawnSync(program, [...args], { maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
  return stdout;
};

export const pdfText = (file: string): string => run('pdftotext', ['-layout', file, '-']).toString();

/** Lines of `pdffonts`. */
export const pdfFonts = (file: string): string => run('pdffonts', [file]).toString();

/** Share of dark pixels of a page's rectangle, given in parts of its width and height. */
export function inkOf(
  file: string,
  page: number,
  area: { x: number; y: number; width: number; height: number },
): number {
  const image = run(painter, ['-r', '100', '-gray', '-f', String(page), '-l', String(page), file]);
  const [, w = '', h = ''] = /^P5\s+(\d+)\s+(\d+)\s+255\s/.exec(image.toString('latin1', 0, 40)) ?? [];
  const [width, height] = [Number(w), Number(h)];
  const pixels = image.subarray(image.length - width * height);
  const [x0, x1] = [Math.floor(area.x * width), Math.floor((area.x + area.width) * width)];
  const [y0, y1] = [Math.floor(area.y * height), Math.floor((area.y + area.height) * height)];
  let dark = 0;
  for (let y = y0; y < y1; y += 1) for (let x = x0; x < x1; x += 1) if ((pixels[y * width + x] ?? 255) < 128) dark += 1;
  return dark / ((x1 - x0) * (y1 - y0));
}
