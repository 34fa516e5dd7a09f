export interface Wire {
  readonly add: (work: () => Promise<void>) => Promise<void>;
  /** Waits for everything under way; throws the first failure. */
  readonly drain: () => Promise<void>;
}

/** At most `most` batches on the wire. */
export function openWire(most: number): Wire {
  const flying = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const drain = async (): Promise<void> => {
    await Promise.all(flying);
    if (failures.length > 0) throw failures[0];
  };
  const add = async (work: () => Promise<void>): Promise<void> => {
    while (flying.size >= most) await Promise.race(flying);
    if (failures.length > 0) await drain();
    const flight = work()
      .catch((error: unknown) => void failures.push(error))
      .finally(() => flying.delete(flight));
    flying.add(flight);
  };
  return { add, drain };
}
