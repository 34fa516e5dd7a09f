import { hash, verify } from '@node-rs/argon2';

/** Argon2id with 19 MiB and two passes (OWASP); a PHC string. The whole password counts, in composed form. */
export const hashPassword = (password: string): Promise<string> => hash(password.normalize('NFC'), COST);

/** False without a hash too, after the same work: nobody learns from the time which accounts there are (faults.md S5). */
export async function isPassword(password: string, phc: string | null | undefined): Promise<boolean> {
  const same = await verify(phc ?? NOBODY, password.normalize('NFC'));
  return same && typeof phc === 'string';
}

const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Of a random password that nobody kept. */
const NOBODY = '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
