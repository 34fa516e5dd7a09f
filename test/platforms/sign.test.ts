import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto';
import { sm2 } from 'sm-crypto-v2';
import { describe, expect, test } from 'vitest';
import type { SortedSign } from '../../src/platform-spec.ts';
import { exchangeHeaders } from '../../src/wire/exchange-sign.ts';
import { missingAlgorithm } from '../../src/wire/missing-algorithm.ts';
import { sortedSignature } from '../../src/wire/sorted-sign.ts';

describe('the algorithms of this Node are the published ones', () => {
  test('SM3 (GB/T 32905)', () => {
    const digest = createHash('sm3').update('abc').digest('hex');
    expect(digest).toBe('66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0');
  });

  test('HMAC-SM3', () => {
    const mac = createHmac('sm3', 'key').update('abc').digest('hex');
    expect(mac).toBe('28e63256e7c5a087b1f073265dc53092163f7b82729735d06f28f10af9d52393');
  });

  test('SM4 (GB/T 32907)', () => {
    const key = Buffer.from('0123456789abcdeffedcba9876543210', 'hex');
    const cipher = createCipheriv('sm4-ecb', key, null).setAutoPadding(false);
    const sealed = Buffer.concat([cipher.update(key), cipher.final()]);
    expect(sealed.toString('hex')).toBe('681edf34d206965e86b3e94f536e4246');
    const decipher = createDecipheriv('sm4-ecb', key, null).setAutoPadding(false);
    expect(Buffer.concat([decipher.update(sealed), decipher.final()]).equals(key)).toBe(true);
  });

  test('SM2 with SM3 and the usual user id (GB/T 32918.5 annex A)', () => {
    const publicKey =
      '0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020' +
      'ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13';
    const signature =
      'f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3' +
      'b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa';
    const options = { hash: true, userId: '1234567812345678' };
    expect(sm2.doVerifySignature('message digest', signature, publicKey, options)).toBe(true);
    expect(sm2.doVerifySignature('message digests', signature, publicKey, options)).toBe(false);
  });

  test('the header scheme of the national platform', () => {
    const identity = {
      requesterId: '7f0c0000-0000-4000-8000-000000000001',
      serviceId: 's_4500000000000_0001',
      secret: '0123456789abcdef0123456789abcdef',
    };
    expect(exchangeHeaders(identity, new Date(1_700_000_000_000))).toMatchObject({
      gjgxjhpt_rtime: '1700000000000',
      gjgxjhpt_sign: '3Syd9jdHLgY68/Zx2WKfcozU6DKy1hgpsxcT7ZKpwpM=',
    });
  });
});

describe('sorted parameters', () => {
  const params = { timestamp: '1700000000000', appId: 'gx', nonce: 'n1', empty: '', 备注: '甲 乙' };
  const text = 'appId=gx&nonce=n1&timestamp=1700000000000&备注=甲 乙';
  const spec = (change: Partial<SortedSign>): SortedSign => ({
    use: 'sorted-params',
    algorithm: 'hmac-sm3',
    params: {},
    secret: 'app-secret',
    as: 'sign',
    into: 'query',
    ...change,
  });

  test('are signed in order of name, without empty ones, with HMAC-SM3 in capitals', () => {
    const expected = createHmac('sm3', 'app-secret').update(text).digest('hex').toUpperCase();
    expect(sortedSignature(spec({}), params)).toBe(expected);
  });

  test('take the secret as a last parameter where the platform wants it', () => {
    const expected = createHmac('sha256', 'app-secret').update(`${text}&key=app-secret`).digest('base64');
    const given = spec({ algorithm: 'hmac-sha256', secretParam: 'key', encoding: 'base64' });
    expect(sortedSignature(given, params)).toBe(expected);
  });

  test('are signed with SM2 so that the platform verifies them under the usual user id', () => {
    const { privateKey, publicKey } = sm2.generateKeyPairHex();
    const signature = sortedSignature(spec({ algorithm: 'sm2', privateKey, encoding: 'hex' }), params);
    const verify = (userId: string) => sm2.doVerifySignature(text, signature, publicKey, { hash: true, userId });
    expect(verify('1234567812345678')).toBe(true);
    expect(verify('')).toBe(false);
  });

  test('are possible with the Node that runs this', () => {
    expect((['hmac-sm3', 'hmac-sha256', 'sm2'] as const).map((algorithm) => missingAlgorithm({ algorithm }))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
