/**
 * Codes for people and companies that do not exist, with right check characters. The arithmetic is written
 * here again, from the standards, on purpose: sandbox and hub must not be able to be wrong alike.
 */
const USCC_SET = '0123456789ABCDEFGHJKLMNPQRTUWXY';

/** GB 32100-2015: weight of place i is 3^i mod 31. */
function creditCheck(first17: string): string {
  let sum = 0;
  let weight = 1;
  for (const character of first17) {
    sum += USCC_SET.indexOf(character) * weight;
    weight = (weight * 3) % 31;
  }
  return USCC_SET.charAt((31 - (sum % 31)) % 31);
}

const ORGANISATION_WEIGHTS = [3, 7, 9, 10, 5, 8, 4, 2];

/** GB 11714: here letters count 10–35 without gaps. */
function organisationCheck(body: string): string {
  const sum = ORGANISATION_WEIGHTS.reduce(
    (total, weight, i) => total + weight * Number.parseInt(body.charAt(i), 36),
    0,
  );
  return '0X987654321'.charAt(sum % 11);
}

/** A unified social credit code. `head` = registration department, category; `division` six digits. */
export function creditCodeOf(head: string, division: string, serial: number): string {
  const first17 = `${head}${division}${organisationCodeOf(serial)}`;
  return first17 + creditCheck(first17);
}

/** Makes every serial below 31^5 a different body; the factor shares no divisor with 31. */
const SPREAD = 7_368_787;

function organisationCodeOf(serial: number): string {
  let rest = (serial * SPREAD) % 31 ** 5;
  let body = '';
  for (let i = 0; i < 5; i++) {
    body = USCC_SET.charAt(rest % 31) + body;
    rest = Math.floor(rest / 31);
  }
  return `MA5${body}${organisationCheck(`MA5${body}`)}`;
}

const CITIZEN_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/** GB 11643. `birthday` as `YYYYMMDD`. */
export function citizenIdOf(division: string, birthday: string, order: number): string {
  const first17 = `${division}${birthday}${String(order % 1000).padStart(3, '0')}`;
  const sum = CITIZEN_WEIGHTS.reduce((total, weight, i) => total + weight * Number(first17.charAt(i)), 0);
  return first17 + '10X98765432'.charAt(sum % 11);
}

/** GS 15-2006 old registration number: 14 digits and an ISO 7064 MOD 11,10 check digit. */
export function registrationNumberOf(division: string, serial: number): string {
  const first14 = `${division}${String(10_000_000 + (serial % 80_000_000)).padStart(8, '0')}`;
  let product = 10;
  for (const digit of first14) {
    const sum = (Number(digit) + product) % 10 || 10;
    product = (2 * sum) % 11;
  }
  return first14 + String((11 - product) % 10);
}
