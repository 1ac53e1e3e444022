/** `npm run -s sigma`: the Sigma engine by itself: checks rules, runs them over events, and measures what they cost. */
import { readFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { parse } from 'yaml';
import { z } from 'zod';
import { runProgram, wholeNumberFrom } from './command-line.ts';
import { correlate } from '../classifiers/rules/sigma/correlate.ts';
import type { Placeholders } from '../classifiers/rules/sigma/detection-item.ts';
import type { LinkedRules } from '../classifiers/rules/sigma/link-rules.ts';
import { pipelineNames, type PipelineName } from '../classifiers/rules/sigma/pipeline.ts';
import { RuleSet } from '../classifiers/rules/sigma/rule-set.ts';
import type { SigmaRule } from '../classifiers/rules/sigma/rule.ts';
import { readEvents } from './sigma/event-sources.ts';
import { measureCost } from './sigma/measure-cost.ts';
import { readRuleSources } from './sigma/rule-sources.ts';

interface RuleOptions {
  readonly placeholders?: string;
}

interface EventOptions extends RuleOptions {
  readonly events: readonly string[];
  readonly pipeline: readonly PipelineName[];
  readonly without: readonly string[];
  readonly time?: string;
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const tell = (record: object): void => void process.stdout.write(`${JSON.stringify(record)}\n`);

const placeholdersSchema = z.record(z.string(), z.array(z.string()));

async function readPlaceholders(path: string | undefined): Promise<Placeholders> {
  return path === undefined ? {} : placeholdersSchema.parse(parse(await readFile(path, 'utf8')));
}

async function load(paths: readonly string[], { placeholders }: RuleOptions): Promise<LinkedRules> {
  const started = process.cpuUsage();
  const linked = await readRuleSources(paths, await readPlaceholders(placeholders));
  const { user, system } = process.cpuUsage(started);
  const { rules, correlations, rejected } = linked;
  say(
    `${rules.length} rules and ${correlations.length} correlations read, ${rejected.length} documents rejected, ${Math.round((user + system) / 1_000)} ms of processor time`,
  );
  return linked;
}

async function check(paths: readonly string[], options: RuleOptions): Promise<void> {
  const { rejected } = await load(paths, options);
  for (const { file, line, reason } of rejected) process.stdout.write(`${file}:${line}: ${reason}\n`);
  if (rejected.length > 0) process.exitCode = 1;
}

interface TestOptions extends EventOptions {
  readonly anySource: boolean;
}

async function test(paths: readonly string[], options: TestOptions): Promise<void> {
  const { rules, correlations, rejected } = await load(paths, options);
  for (const { file, line, reason } of rejected) say(`${file}:${line}: ${reason}`);
  const set = RuleSet.of(options.anySource ? rules.map(anywhere) : rules);
  const events = await readEvents(options.events, eventOptions(options));
  const seen = events.map(({ event, timeMs }, index) => {
    const fired = set.match(event);
    const reported = fired.filter((rule) => rule.reported).map(({ id }) => id);
    if (reported.length > 0) tell({ event: index, rules: reported });
    return { index, timeMs, fields: event.fields, fired: fired.map(({ id }) => id) };
  });
  const timed = seen.flatMap(({ timeMs, ...each }) => (timeMs === undefined ? [] : [{ ...each, timeMs }]));
  for (const { rule, group, startMs, endMs, events: places } of correlate(correlations, timed)) {
    if (!rule.reported) continue;
    const at = (ms: number): string => new Date(ms).toISOString();
    const among = places.map((place) => timed[place]?.index);
    tell({ correlation: rule.id, group, start: at(startMs), end: at(endMs), events: among });
  }
  say(`${events.length} events read`);
}

function anywhere(rule: SigmaRule): SigmaRule {
  return { ...rule, logSource: { product: undefined, category: undefined, service: undefined } };
}

async function bench(
  paths: readonly string[],
  options: EventOptions & { readonly rounds: string },
): Promise<void> {
  const { rules } = await load(paths, options);
  const events = await readEvents(options.events, eventOptions(options));
  tell(measureCost(rules, events, Number(options.rounds)));
}

function eventOptions({ pipeline, without, time }: EventOptions) {
  return { pipelines: pipeline, without, time };
}

function withRules(command: Command): Command {
  return command
    .argument('<rules...>', 'folders and files of YAML, or tables of JSON lines')
    .option('--placeholders <file>', 'lists for the modifier expand, as YAML: name: [value, …]');
}

function withEvents(command: Command): Command {
  return withRules(command)
    .requiredOption('--events <files...>', 'events as JSON lines, plain or gzip')
    .addOption(
      new Option('--pipeline <names...>', 'what the events are; the first that knows an event decides')
        .choices(pipelineNames)
        .default(['sysmon', 'security', 'windows']),
    )
    .option('--without <fields...>', 'fields of the lines that are no part of the event', [])
    .option('--time <field>', 'field with the time, else the first of the usual ones');
}

const program = new Command('sigma').description('Runs Sigma rules over events, without a service.');
withRules(program.command('check'))
  .description('Tells which documents cannot be used: file, line, reason. Ends with 1 where there are any.')
  .action(check);
withEvents(program.command('test'))
  .description(
    'Prints, as JSON lines, the rules that fire on each event, then the correlations that are fulfilled.',
  )
  .option('--any-source', 'try every rule on every event, whatever its log source', false)
  .action(test);
withEvents(program.command('bench'))
  .description('Prints what matching costs in processor time: the median of several rounds over the events.')
  .option('--rounds <number>', 'rounds after the first', wholeNumberFrom(1), 7)
  .action(bench);

await runProgram(program);
