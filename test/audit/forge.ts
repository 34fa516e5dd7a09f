import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { signCheckpoint } from '../../src/evidence/checkpoint.ts';
import { leafHash, nodeHash, rootOver } from '../../src/evidence/merkle.ts';
import type { NoteSigner } from '../../src/evidence/note.ts';
import { bundlePath, entryBundle, TILE_WIDTH, tilePath, tilesOf } from '../../src/evidence/tile.ts';

/** A folder pack in the hands of somebody who may change everything in it, and who may even hold the signing key. */
export interface Forgery {
  readonly folder: string;
  readonly path: (name: string) => string;
  readonly read: (name: string) => Buffer;
  readonly write: (name: string, bytes: Uint8Array | string) => void;
  readonly drop: (name: string) => void;
  readonly json: (name: string, change: (value: never) => unknown) => void;
  readonly names: () => string[];
  /** Makes the manifest agree with the files as they now are. */
  readonly cover: () => void;
  readonly entries: () => Buffer[];
  /** Writes another history: bundles, tiles, checkpoints and manifest, signed with this key. */
  readonly rewrite: (entries: readonly Buffer[], signer: NoteSigner) => void;
}

export function forge(pack: string, folder: string): Forgery {
  cpSync(pack, folder, { recursive: true });
  const path = (name: string): string => join(folder, ...name.split('/'));
  const read = (name: string): Buffer => readFileSync(path(name));
  const write = (name: string, bytes: Uint8Array | string): void => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), bytes);
  };
  const drop = (name: string): void => rmSync(path(name), { recursive: true });
  const names = (): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((item) => item.isFile())
      .map((item) => join(item.parentPath, item.name).slice(folder.length + 1))
      .filter((name) => name !== 'manifest.json')
      .toSorted();
  const json = (name: string, change: (value: never) => unknown): void =>
    write(name, JSON.stringify(change(JSON.parse(read(name).toString()) as never)));
  const cover = (): void => {
    const fact = (bytes: Buffer) => ({ bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
    const files = Object.fromEntries(names().map((name) => [name, fact(read(name))]));
    json('manifest.json', (manifest: object) => ({ ...manifest, files }));
  };
  const entries = (): Buffer[] =>
    names()
      .filter((name) => name.startsWith('tile/entries/'))
      .flatMap((name) => split(read(name)));
  const rewrite = (all: readonly Buffer[], signer: NoteSigner): void => {
    for (const name of names()) if (/^(?:tile|checkpoints)\//.test(name)) drop(name);
    for (const [name, bytes] of treeFiles(all)) write(name, bytes);
    const root = rootOver(all.map((entry) => leafHash(entry)));
    write('checkpoint', signCheckpoint({ origin: signer.name, size: all.length, root }, [signer]));
    const head = { origin: signer.name, size: all.length, root: root.toString('base64') };
    json('manifest.json', (manifest: object) => ({ ...manifest, ...head }));
    cover();
  };
  return { folder, path, read, write, drop, json, names, cover, entries, rewrite };
}

function split(bundle: Buffer): Buffer[] {
  const entries: Buffer[] = [];
  for (let at = 0; at < bundle.length; at += 2 + bundle.readUInt16BE(at))
    entries.push(bundle.subarray(at + 2, at + 2 + bundle.readUInt16BE(at)));
  return entries;
}

function* treeFiles(entries: readonly Buffer[]): Generator<[string, Buffer]> {
  const levels: Buffer[][] = [entries.map((entry) => leafHash(entry))];
  for (const { level, n, width } of tilesOf(entries.length)) {
    levels[level] ??= tileRoots(levels[level - 1] ?? []);
    yield [
      tilePath(level, n, width),
      Buffer.concat((levels[level] ?? []).slice(n * TILE_WIDTH, n * TILE_WIDTH + width)),
    ];
    if (level > 0) continue;
    yield [bundlePath(n, width), entryBundle(entries.slice(n * TILE_WIDTH, n * TILE_WIDTH + width))];
  }
}

function tileRoots(hashes: readonly Buffer[]): Buffer[] {
  const roots: Buffer[] = [];
  for (let at = 0; at + TILE_WIDTH <= hashes.length; at += TILE_WIDTH) {
    let level = hashes.slice(at, at + TILE_WIDTH);
    while (level.length > 1)
      level = Array.from({ length: level.length / 2 }, (_, i) =>
        nodeHash(level[2 * i] ?? LOST, level[2 * i + 1] ?? LOST),
      );
    roots.push(level[0] ?? LOST);
  }
  return roots;
}

const LOST = Buffer.alloc(32);
