/** `npm run -s classifiers`: versions of classifiers side by side, how a challenger does, and which one decides. */
import { userInfo } from 'node:os';
import { Command } from 'commander';
import {
  classifierChangeSchema,
  classifierListSchema,
  comparisonSchema,
  type Comparison,
} from '../contracts/operations/classifiers.ts';
import { callAsOperator } from './operator-call.ts';

const pathOf = (id: string, what: string): string => `/v1/classifiers/${encodeURIComponent(id)}/${what}`;

async function list(): Promise<void> {
  const { versions, refused, instances, changes } = classifierListSchema.parse(
    await callAsOperator('GET', '/v1/classifiers'),
  );
  for (const { classifier, version, state, shipped, instances: on, silence } of versions) {
    const origin = shipped ? 'shipped' : '';
    console.log(
      `${classifier.padEnd(12)} ${version.padEnd(24)} ${state.padEnd(10)} ${origin.padEnd(7)} on ${on} of ${instances}`,
    );
    if (silence !== null) console.log(`  counts for nothing: ${silence}`);
  }
  for (const { folder, reason, instances: on } of refused)
    console.log(`refused on ${on}: ${folder}\n  ${reason}`);
  if (versions.length === 0)
    console.log('No process that classifies has told of itself within three minutes.');
  for (const { at, action, classifier, version, by, comment } of changes)
    console.log(`${at}  ${action} ${classifier} ${version} by ${by}: ${comment}`);
}

async function compare(id: string, version: string): Promise<void> {
  const query = new URLSearchParams({ version });
  say(comparisonSchema.parse(await callAsOperator('GET', `${pathOf(id, 'comparison')}?${query.toString()}`)));
}

const percent = (share: number | null): string => (share === null ? '–' : `${(100 * share).toFixed(2)} %`);

function say(comparison: Comparison): void {
  const { champion, challenger, known } = comparison;
  console.log(
    `${comparison.classifier}: ${comparison.reports} reports of ${comparison.artifacts} artifacts, ${comparison.from ?? ''} to ${comparison.to ?? ''}; agreement ${percent(comparison.agreement)}`,
  );
  console.log(`known from analysts: ${known.malicious} malicious, ${known.harmless} harmless artifacts`);
  for (const [name, side] of Object.entries({ champion, challenger })) {
    const { found, falselyBlocked, precision } = side.known;
    console.log(
      `${name.padEnd(10)} ${side.version.padEnd(12)} blocks ${side.blocks}, no score ${side.unanswered}; of the known ${found} rightly, ${falselyBlocked} wrongly, precision ${percent(precision)}`,
    );
    console.log(`           reports by tenths of the probability: ${side.distribution.join(' ')}`);
  }
  for (const key of comparison.onlyChampion) console.log(`only the champion blocks   ${key}`);
  for (const key of comparison.onlyChallenger) console.log(`only the challenger blocks ${key}`);
}

function change(action: 'promote' | 'drop') {
  return async (id: string, version: string, options: { readonly why: string; readonly who: string }) => {
    const body = { version, by: options.who, comment: options.why };
    const made = classifierChangeSchema.parse(await callAsOperator('POST', pathOf(id, action), body));
    console.log(
      `${made.at}  ${made.action} ${made.classifier} ${made.version}: every process has it in some seconds.`,
    );
  };
}

const program = new Command('classifiers').description(
  'Versions of classifiers that run side by side. The service must be running; see docs/operate/challengers.md.',
);
program
  .command('list')
  .description('versions that processes have, what was refused, and who changed what')
  .action(list);
program
  .command('compare')
  .description('a challenger beside the champion, on the newest reports that both scored')
  .argument('<classifier>')
  .argument('<version>')
  .action(compare);
const whoAndWhy = (command: Command): Command =>
  command
    .argument('<classifier>')
    .argument('<version>')
    .requiredOption('--why <text>', 'written down with it')
    .option('--who <name>', 'who decided it', userInfo().username);
whoAndWhy(program.command('promote'))
  .description('lets a version decide; going back is the same with the version before')
  .action(change('promote'));
whoAndWhy(program.command('drop'))
  .description(
    'ends the trial of a version; one that decides gives way to the one that comes with the service',
  )
  .action(change('drop'));
program.parseAsync().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
