import type { Command } from 'commander';

/** Adds one command; `act` turns an action that returns an exit code into one that commander can call. */
export type Define = (program: Command, act: Act) => void;

export type Act = <A extends unknown[]>(action: (...args: A) => Promise<number>) => (...args: A) => Promise<void>;
