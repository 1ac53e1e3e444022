/** `npm run dead-letters`: lists what could not be processed, and sends a record on its way again. */
import { Command } from 'commander';
import { z } from 'zod';
import { runProgram, wholeNumberFrom } from './command-line.ts';
import { problemSchema } from '../contracts/errors.ts';
import { deadLetterItemSchema } from '../contracts/operations/dead-letters.ts';
import { credentialsFile, readCredentials } from '../services/host/credentials.ts';

const listSchema = z.object({ items: z.array(deadLetterItemSchema), total: z.int() });

async function call(method: 'GET' | 'POST', path: string): Promise<unknown> {
  const { baseUrl, operatorToken } = credentials();
  const response = await fetch(new URL(path, baseUrl), {
    method,
    headers: { authorization: `Bearer ${operatorToken}` },
  }).catch((error: unknown) => {
    throw new Error(`Nothing answers at ${baseUrl}: start the service first.`, { cause: error });
  });
  const body: unknown = await response.json();
  if (response.ok) return body;
  const problem = problemSchema.safeParse(body);
  throw new Error(
    problem.success
      ? `${problem.data.detail} (${problem.data.code})`
      : `The service answered ${response.status}.`,
  );
}

function credentials() {
  const dataDir = process.env['FIREBREAK_DATA_DIR'] ?? '.firebreak';
  const found = readCredentials(dataDir);
  if (found === null)
    throw new Error(
      `${credentialsFile(dataDir)} cannot be read: start the service once, or name its folder with FIREBREAK_DATA_DIR.`,
    );
  return found;
}

async function list(options: { readonly topic?: string; readonly limit: number }): Promise<void> {
  const query = new URLSearchParams({
    limit: String(options.limit),
    ...(options.topic !== undefined && { topic: options.topic }),
  });
  const { items, total } = listSchema.parse(await call('GET', `/v1/dead-letters?${query.toString()}`));
  for (const item of items) {
    console.log(
      `${item.at}  ${item.failedAt}  ${item.topic}/${item.partition}@${item.offset}  ${item.group}  ${item.code}  ${item.sizeBytes} bytes  ${item.detail}`,
    );
  }
  console.log(`${total} in all, ${items.length} shown.`);
}

async function replay(places: readonly string[]): Promise<void> {
  for (const at of places) {
    const { topic, partition, offset } = z
      .object({ topic: z.string(), partition: z.int(), offset: z.int() })
      .parse(await call('POST', `/v1/dead-letters/${encodeURIComponent(at)}/replay`));
    console.log(`${at} is at ${topic}/${partition}@${offset} again.`);
  }
}

const program = new Command('dead-letters').description(
  'Records that the service could not process. It must be running.',
);
program
  .command('list')
  .description('the newest ones, without their content')
  .option('--topic <name>', 'of this topic alone')
  .option('--limit <n>', 'how many at the most', wholeNumberFrom(1), 100)
  .action(list);
program
  .command('replay')
  .description('puts records back at the end of their topic')
  .argument('<place...>', 'the first column of `list`')
  .action(replay);
await runProgram(program);
