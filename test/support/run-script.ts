import { spawn } from 'node:child_process';

export interface ScriptOutcome {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a script of the package as npm does, with these variables and none of this process's own FIREBREAK_ ones. */
export async function runScript(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ScriptOutcome> {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([key]) => !key.startsWith('FIREBREAK_') && key !== 'NODE_OPTIONS'),
  );
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output, errors };
}
