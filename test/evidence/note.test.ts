import { describe, expect, test } from 'vitest';
import { sha256Bytes } from '../../src/canonical.ts';
import { openCheckpoint, readCheckpoint, signCheckpoint } from '../../src/evidence/checkpoint.ts';
import { readSecret, readVkey, secretText, signerOf, signNote } from '../../src/evidence/note.ts';
import { bundlePath, entryBundle, tilePath, tilesOf } from '../../src/evidence/tile.ts';

const ORIGIN = 'hub.example.gov.cn/delivery-log';
/** RFC 8032 §7.1, test 1. */
const SEED = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
const VKEY = `${ORIGIN}+8c9cc324+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea`;
const ROOT = Buffer.from('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328', 'hex');
const NOTE = `${ORIGIN}
8
XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=

— ${ORIGIN} jJzDJOjjyMIm4L6NvGCzSdikG7lINURcq6eFG1rfUAQAc7eJSnOy1Zps8j/mpN4nXL+dWid75ww6bDoum0/eie0ZqQQ=
`;
const signer = signerOf(ORIGIN, SEED);

test('the published checkpoint is made byte for byte, and its key is the published vkey', () => {
  expect(signer.vkey).toBe(VKEY);
  expect(signCheckpoint({ origin: ORIGIN, size: 8, root: ROOT }, [signer])).toBe(NOTE);
});

test('a checkpoint reads back with its key alone', () => {
  const key = readVkey(VKEY);
  if (key === undefined) throw new Error('vkey');
  expect(openCheckpoint(NOTE, [key])).toEqual({ origin: ORIGIN, size: 8, root: ROOT });
});

test('a secret key survives its text, and a spoiled one is none', () => {
  const again = readSecret(secretText(signer));
  expect(again?.vkey).toBe(VKEY);
  expect(readSecret(secretText(signer).replace('8c9cc324', '8c9cc325'))).toBeUndefined();
});

describe('what a note may not be', () => {
  const key = signer;
  const wrong = (note: string): string => {
    const opened = openCheckpoint(note, [key]);
    return 'wrong' in opened ? opened.wrong : 'accepted';
  };
  const signed = (text: string): string => signNote(text, [signer]);

  test('CRLF', () => expect(wrong(NOTE.replaceAll('\n', '\r\n'))).toContain('control character'));
  test('a flipped signature', () => expect(wrong(NOTE.replace('jJzDJOjj', 'jJzDJOjk'))).toContain('does not verify'));
  test('a flipped size', () => expect(wrong(NOTE.replace('\n8\n', '\n9\n'))).toContain('does not verify'));
  test('a wrong key id', () => {
    const stranger = signerOf(ORIGIN, sha256Bytes('stranger'));
    expect(wrong(signNote(`${ORIGIN}\n8\n${ROOT.toString('base64')}\n`, [stranger]))).toContain(
      'none of the known keys',
    );
  });
  test('seventeen signatures; sixteen are accepted', () => {
    const strangers = Array.from({ length: 16 }, (_, at) => signerOf(`witness-${at}.example`, sha256Bytes(`${at}`)));
    const text = `${ORIGIN}\n8\n${ROOT.toString('base64')}\n`;
    expect(wrong(signNote(text, [...strangers.slice(1), signer]))).toBe('accepted');
    expect(wrong(signNote(text, [...strangers, signer]))).toContain('17 signatures');
  });
  test('a size with a leading zero', () =>
    expect(wrong(signed(`${ORIGIN}\n08\n${ROOT.toString('base64')}\n`))).toContain('leading zeroes'));
  test('a size beyond what is exact', () =>
    expect(wrong(signed(`${ORIGIN}\n9007199254740993\n${ROOT.toString('base64')}\n`))).toContain('tree size'));
  test('a short root', () =>
    expect(wrong(signed(`${ORIGIN}\n8\n${Buffer.alloc(12).toString('base64')}\n`))).toContain('32 bytes'));
  test('an extension line', () =>
    expect(wrong(signed(`${ORIGIN}\n8\n${ROOT.toString('base64')}\nmore\n`))).toContain('extension'));
  test('no signature at all', () =>
    expect(wrong(`${ORIGIN}\n8\n${ROOT.toString('base64')}\n`)).toContain('no signature'));
  test('other base64 of the same bytes', () => {
    const other = `${ORIGIN}\n8\n${ROOT.toString('base64').replace('=', '')}\n`;
    expect(readCheckpoint(signed(other))).toHaveProperty('wrong');
  });
});

test('a vkey whose id is not that of its key, or of an unknown algorithm, is none', () => {
  expect(readVkey(VKEY.replace('8c9cc324', '8c9cc325'))).toBeUndefined();
  expect(readVkey(VKEY.replace('+Add', '+Bdd'))).toBeUndefined();
  expect(readVkey('nonsense')).toBeUndefined();
});

describe('tiles', () => {
  test('paths are those of tlog-tiles', () => {
    expect(tilePath(0, 1234067)).toBe('tile/0/x001/x234/067');
    expect(tilePath(1, 0, 17)).toBe('tile/1/000.p/17');
    expect(bundlePath(999)).toBe('tile/entries/999');
  });

  test('a bundle has the length of each entry before it', () => {
    expect(
      entryBundle([Buffer.from('ab'), Buffer.alloc(0), Buffer.alloc(300, 1)])
        .subarray(0, 8)
        .toString('hex'),
    ).toBe('000261620000012c');
  });

  test('a tree of 70,000 entries has the tiles that the specification counts', () => {
    const tiles = tilesOf(70_000);
    const count = (level: number): number[] => tiles.filter((tile) => tile.level === level).map(({ width }) => width);
    expect(count(0)).toHaveLength(274);
    expect(count(0).at(-1)).toBe(112);
    expect(count(1)).toEqual([256, 17]);
    expect(count(2)).toEqual([1]);
  });

  test('a tree of 256 entries has one full tile and one of width 1 above it', () => {
    expect(tilesOf(256)).toEqual([
      { level: 0, n: 0, width: 256 },
      { level: 1, n: 0, width: 1 },
    ]);
  });
});
