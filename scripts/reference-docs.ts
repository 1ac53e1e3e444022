/**
 * `npm run docs`: writes docs/reference from the code. A test compares the files with what this makes, so a page that
 * says something else than the code cannot stay.
 */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { pipelineNames, readPipeline } from '../classifiers/rules/sigma/pipeline.ts';
import { correlationTypes } from '../classifiers/rules/sigma/rule.ts';
import { errorDefinitions } from '../contracts/errors.ts';
import { defaultLimits } from '../contracts/limits.ts';
import { topics } from '../contracts/topics.ts';
import { reasonTexts } from '../contracts/domain.ts';
import { configKeys } from '../platform/config/config.ts';
import { metricCatalogue } from './metric-catalogue.ts';
import { correlationMeanings, modifierExamples, otherFeatures, unsupported } from './sigma/supported.ts';
import { reputationLists } from './reference-docs/reputation-lists.ts';
import { ruleCoverage } from './reference-docs/rules.ts';

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function duration(milliseconds: number): string {
  const hours = milliseconds / 3_600_000;
  return hours >= 48 ? `${hours / 24} days` : `${hours} hours`;
}

function errors(): string {
  const rows = Object.entries(errorDefinitions).map(([code, { status, title, retryable, remedy }]) => [
    `\`${code}\``,
    String(status),
    retryable ? 'yes' : 'no',
    title,
    remedy,
  ]);
  return `# Errors

Every error of the interface is a problem document (RFC 9457) with one of these codes. The code is the contract; titles
and details are for people and may change. Codes of status 500 that name configuration, data or models are what a
process says when it does not start, or a classifier that counts for nothing.

${table(['code', 'status', 'try again', 'means', 'what to do'], rows)}
`;
}

function configuration(): string {
  const rows = configKeys.map(({ key, fallback, says }) => [
    `\`${key}\``,
    fallback === null ? '' : `\`${fallback}\``,
    says,
  ]);
  return `# Configuration

Everything is an environment variable, read once at start. All mistakes are reported together, and a variable that
begins with \`FIREBREAK_\` and is not listed here is one of them.

${table(['variable', 'default', 'what for'], rows)}
`;
}

function topicPage(): string {
  const rows = Object.values(topics).map(({ name, holds, placement, retention, compaction }) => [
    `\`${name}\``,
    holds,
    placement,
    retention === null ? 'for ever' : duration(defaultLimits[retention]),
    compaction === null
      ? ''
      : compaction.minLagMs === 0
        ? 'last value of a key'
        : `last value of a key, after ${duration(compaction.minLagMs)}`,
  ]);
  return `# Topics

Values are JSON of the schemas in \`contracts/topics.ts\`. Topics placed by artifact have one partition count, so all that
concerns an artifact has one owner.

${table(['topic', 'holds', 'placed by', 'kept', 'compaction'], rows)}
`;
}

function reasons(): string {
  const rows = Object.entries(reasonTexts).map(([code, text]) => [`\`${code}\``, text]);
  return `# Reasons

Why an entry stands or goes, as agents and analysts read it in \`reason\`.

${table(['code', 'text'], rows)}
`;
}

function metrics(): string {
  const catalogue = metricCatalogue();
  const sections = [...new Set(catalogue.map(({ service }) => service))].map((service) => {
    const rows = catalogue
      .filter((metric) => metric.service === service)
      .map(({ name, type, labels, help }) => [
        `\`${name}\``,
        type,
        labels.map((label) => `\`${label}\``).join(', '),
        help,
      ]);
    const title = service === 'process' ? 'Every process' : service;
    return `## ${title}\n\n${table(['metric', 'type', 'labels', 'tells'], rows)}\n`;
  });
  return `# Metrics

Each process serves its own at \`/metrics\` in the Prometheus text format; in one process of several services they stand
together. A histogram has the series \`_bucket\` (with the label \`le\`), \`_sum\` and \`_count\`. How to be alerted by them
stands in [alarms.md](../operate/alarms.md).

${sections.join('\n')}`;
}

function sigma(): string {
  const code = (text: string) => `\`${text}\``;
  return `# Sigma

What the engine in \`classifiers/rules/sigma/\` reads, by the Sigma specification 2.1. A test runs an example of each modifier.
\`npm run -s sigma -- --help\` runs it without a service: it checks rules, runs them over events as JSON lines, and measures them.

## Modifiers

${table(
  ['modifier', 'means'],
  Object.entries(modifierExamples).map(([name, { means }]) => [code(name), means]),
)}

## Types of correlations

${table(
  ['type', 'asks for, within the timespan and in each group'],
  correlationTypes.map((type) => [code(type), correlationMeanings[type]]),
)}

## The rest

${table(['feature', 'how it is understood'], otherFeatures)}

## What is not there

${table(['feature', 'what happens'], unsupported)}

## Pipelines

They make events of the taxonomy out of a log's: \`classifiers/rules/sigma/pipelines/\`, as data. Rules may use the names
of \`ecs\`, \`sysmon\` and \`security\` as well.

${table(
  ['pipeline', 'for'],
  pipelineNames.map((name) => [code(name), readPipeline(name).about]),
)}

## Rules of your own

Rules, correlations and filters in the folders of \`FIREBREAK_RULE_DIRS\` are read beside the built-in ones. A change is in
force about ten seconds later, without a restart. A document that cannot be used is logged with file, line and reason and
stops no other; a folder that cannot be read leaves the rules as they were.

To try a rule, put it into a folder of \`FIREBREAK_SIMULATED_RULE_DIRS\`: what it finds stands in decision records marked as
\`simulated\` and in \`firebreak_classify_simulated_findings_total\`, and changes no score. So is a correlation that rests on
such a rule. Moving the file puts it in force. Filters cannot be tried, as they would weaken other rules.
`;
}

/** Pages of docs/reference by file name. */
export function referenceDocs(): Readonly<Record<string, string>> {
  return {
    'errors.md': errors(),
    'configuration.md': configuration(),
    'topics.md': topicPage(),
    'reasons.md': reasons(),
    'metrics.md': metrics(),
    'sigma.md': sigma(),
    'reputation-lists.md': reputationLists(),
    'rules.md': ruleCoverage(),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [name, text] of Object.entries(referenceDocs())) {
    writeFileSync(new URL(`../docs/reference/${name}`, import.meta.url), text);
    process.stdout.write(`docs/reference/${name}\n`);
  }
}
