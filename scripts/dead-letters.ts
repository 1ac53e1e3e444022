/** `npm run dead-letters`: lists what could not be processed, and sends a record on its way again. */
import { Command } from 'commander';
import { z } from 'zod';
import { runProgram, wholeNumberFrom } from './command-line.ts';
import { deadLetterItemSchema } from '../contracts/operations/dead-letters.ts';
import { callAsOperator } from './operator-call.ts';

const listSchema = z.object({ items: z.array(deadLetterItemSchema), total: z.int() });

async function list(options: { readonly topic?: string; readonly limit: number }): Promise<void> {
  const query = new URLSearchParams({
    limit: String(options.limit),
    ...(options.topic !== undefined && { topic: options.topic }),
  });
  const { items, total } = listSchema.parse(
    await callAsOperator('GET', `/v1/dead-letters?${query.toString()}`),
  );
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
      .parse(await callAsOperator('POST', `/v1/dead-letters/${encodeURIComponent(at)}/replay`));
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
