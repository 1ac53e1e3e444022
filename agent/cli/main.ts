#!/usr/bin/env node
import { createProgram, describeFailure } from './program.ts';

try {
  process.exitCode = await createProgram(process.env, (line) => process.stdout.write(`${line}\n`)).run(
    process.argv,
  );
} catch (error) {
  process.stderr.write(`firebreak-agent: ${describeFailure(error)}\n`);
  process.exitCode = 1;
}
