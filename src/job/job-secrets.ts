import { isScalar, type Scalar, visit } from 'yaml';
import type { Environment } from '../settings.ts';
import { VARIABLE, type YamlFile } from './yaml-file.ts';

/**
 * Values that must never be traced: of variables that are called like secrets, of variables that stand where a secret stands, and
 * the password inside of any address.
 */
export function secretsOf(file: YamlFile, env: Environment): string[] {
  const all = new Set<string>();
  const secret = new Set<string>();
  visit(file.doc, {
    Scalar(_, node) {
      for (const name of variablesIn(file, node)) all.add(name);
    },
    Pair(_, { key, value }) {
      const named = isScalar(key) && SECRET_KEY.test(String(key.value));
      for (const name of named && isScalar(value) ? variablesIn(file, value) : []) secret.add(name);
    },
  });
  const values = [...all].flatMap((name) => {
    const value = env[name] ?? '';
    return [...(secret.has(name) || SECRET_NAME.test(name) ? [value] : []), ...passwordsIn(value)];
  });
  return [...new Set(values)].filter((value) => value !== '');
}

const variablesIn = (file: YamlFile, node: Scalar): string[] =>
  [...file.written(node).matchAll(VARIABLE)].map(([, name = '']) => name);

const SECRET_NAME = /TOKEN|SECRET|PASSWORD|PASS$|KEY$|DATABASE/i;
const SECRET_KEY = /token|secret|passw|passphrase|bearer|key$|authorization/i;

/** As it is written in the address, and as it is read. */
function passwordsIn(value: string): string[] {
  const password = URL.parse(value)?.password ?? '';
  if (password === '') return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}
