import { spawnGuarded } from '../../platform/process/guarded-process.ts';

export interface RunOptions {
  readonly cwd: string;
  /** Beside the variables of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}

/**
 * Runs a command that may take minutes, and that ends when this process ends.
 * @returns its last lines
 * @throws Error with them when it fails
 */
export async function runToEnd(
  program: string,
  args: readonly string[],
  { cwd, env = {}, onLine }: RunOptions,
): Promise<string> {
  const inherited = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  const child = await spawnGuarded({
    program,
    args,
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    stopWithinSeconds: 10,
    ...(onLine && { onLine }),
  });
  const status = await child.exited;
  if (status !== 0)
    throw new Error(`\`${[program, ...args].join(' ')}\` ended with ${status}:\n${child.lines().join('\n')}`);
  return child.lines().join('\n');
}
