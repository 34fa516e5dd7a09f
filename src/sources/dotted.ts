import { isJsonObject, type Json } from '../json.ts';

/** The value at a dotted path (`data.page.total`), own members only; undefined where it leads nowhere. */
export function valueAt(value: Json, path: string): Json | undefined {
  let here: Json | undefined = value;
  for (const name of path.split('.')) {
    if (here === undefined || !isJsonObject(here) || !Object.hasOwn(here, name)) return undefined;
    here = here[name];
  }
  return here;
}
