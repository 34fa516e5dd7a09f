import { bureauFiles, USUAL_LOAD } from './bureau.ts';
import { buildMutant, type Mutant } from './mutants.ts';
import { openRig, type RigOptions } from './rig.ts';
import { type Finding, settle } from './settle.ts';

/** Worse builds of the hub; each breaks one promise of the protocol. */
const MUTANTS: readonly Mutant[] = [
  {
    name: 'a sealed batch is not kept',
    edits: [
      {
        file: 'src/store/outbox.ts',
        from: "  await tx('batches').insert(row);",
        to: "  if (batch.members.length % 2 === 1 || Math.random() < 0.7) await tx('batches').insert(row);",
      },
    ],
  },
  {
    name: 'the intent is written after sending',
    edits: [
      { file: 'src/push/send.ts', from: "  failpoint('S3-intent');", to: '' },
      {
        file: 'src/push/send.ts',
        from: '  const attempts = batch.attempts + 1;',
        to: "  const attempts = batch.attempts + 1;\n  await context.platform.send(outgoing, context.signal);\n  failpoint('S3-intent');",
      },
    ],
  },
  {
    name: 'an unknown outcome is sent again without asking',
    edits: [
      {
        file: 'src/push/send.ts',
        from: '  const answer = await context.platform.query(outgoing, context.signal);',
        to: "  const answer = { outcome: 'absent', evidence: {} } as const;",
      },
    ],
  },
];

/** Runs every mutant over a lossy wire; prints whether the checker found it out. Returns how many it did not. */
export async function mutantTrials(seed: number): Promise<number> {
  let missed = 0;
  console.log('\nmutant builds, each must be found out');
  for (const mutant of MUTANTS) {
    const build = buildMutant(mutant);
    try {
      const finding = await trial({ seed, effect: 'every-time', root: build.root });
      const found = Object.keys(finding.broken);
      if (found.length === 0) missed += 1;
      console.log(`${found.length === 0 ? '✗ not found' : '✓ found'}  ${mutant.name}: ${found.join(', ')}`);
    } finally {
      build.remove();
    }
  }
  return missed;
}

/** A platform that does the work of a key every time it comes, so that a blind second send is seen. */
async function trial(options: RigOptions): Promise<Finding> {
  const rig = await openRig(options);
  try {
    await rig.faults({ 'applied-reset': 0.4, 'applied-html': 0.2 });
    for (const [index, rows] of bureauFiles(USUAL_LOAD).entries()) {
      rig.drop(index, rows);
      await rig.run(index === 0 ? { failpoint: 'S3-intent:2' } : {});
      rig.pass(20 * 60_000);
    }
    return await settle(rig);
  } finally {
    await rig.close();
  }
}
