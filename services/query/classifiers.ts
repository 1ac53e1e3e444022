import type { z } from 'zod';
import type { ClassifierStatus, LineUpChoice, VersionId } from '../../contracts/classifier-versions.ts';
import { FirebreakError } from '../../contracts/errors.ts';
import { toEpochMs } from '../../contracts/ids.ts';
import {
  compareClassifierOperation,
  dropClassifierOperation,
  listClassifiersOperation,
  promoteClassifierOperation,
  type classifierChangeSchema,
  type classifierListSchema,
} from '../../contracts/operations/classifiers.ts';
import { topics } from '../../contracts/topics.ts';
import { route, type Route } from '../../platform/http/route.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import { enqueueControl } from '../../platform/postgres/outbox.ts';
import { storableText } from '../../platform/postgres/text.ts';
import { compareVersions } from './classifier-comparison.ts';
import type { Client, QueryDatabase } from './database.ts';
import { newestOf } from './newest-records.ts';
import { wireTime } from './paging.ts';

type Change = z.input<typeof classifierChangeSchema>;
type List = z.input<typeof classifierListSchema>;

interface ChoiceRow {
  readonly classifier: string;
  readonly version: number;
  readonly action: Change['action'];
  readonly model_version: string;
  readonly line_up: LineUpChoice;
  readonly made_by: string;
  readonly comment: string;
  readonly made_at: Date;
}

const columns = 'classifier, version, action, model_version, line_up, made_by, comment, made_at';
/** Each tells once a minute. */
const livesMs = 180_000;
const newestStatuses = 2_000;

/**
 * Versions of classifiers for the operator.
 * @param poke sends what a change left in the outbox
 */
export function classifierRoutes(database: QueryDatabase, log: TopicLog, poke: () => void): readonly Route[] {
  const change = async (
    action: Change['action'],
    classifier: string,
    { version, by, comment }: { readonly version: string; readonly by: string; readonly comment: string },
  ): Promise<Change> => {
    const choice = { classifier, action, version: await findVersion(log, classifier, version) };
    const made = await database.asOperator((client) => choose(client, { ...choice, by, comment }));
    poke();
    return made;
  };
  return [
    route(listClassifiersOperation, async () => {
      const changes = await database.asOperator((client) =>
        client.query<ChoiceRow>(
          `select ${columns} from config.classifier_choices order by made_at desc, version desc limit 1000`,
        ),
      );
      return { status: 200, json: listed(await livingStatuses(log), changes.rows) };
    }),
    route(compareClassifierOperation, async ({ params: { id }, query: { version } }) => ({
      status: 200,
      json: await compareVersions(log, database, id, version),
    })),
    route(promoteClassifierOperation, async ({ params: { id }, body }) => ({
      status: 200,
      json: await change('promote', id, body),
    })),
    route(dropClassifierOperation, async ({ params: { id }, body }) => ({
      status: 200,
      json: await change('drop', id, body),
    })),
  ];
}

/** The newest word of each process that has told of itself lately. */
async function livingStatuses(log: TopicLog): Promise<readonly ClassifierStatus[]> {
  const newest = new Map<string, ClassifierStatus>();
  for await (const status of newestOf(log, topics.classifierStatus, newestStatuses))
    newest.set(status.instance, status);
  return [...newest.values()].filter(({ toldAt }) => toEpochMs(toldAt) > Date.now() - livesMs);
}

interface FoundVersion extends VersionId {
  readonly shipped: boolean;
}

/** @throws FB_NOT_FOUND where no living process has it, FB_CONFLICT where two have different ones under one name */
async function findVersion(log: TopicLog, classifier: string, version: string): Promise<FoundVersion> {
  const found = new Map<string, FoundVersion>();
  for (const { versions } of await livingStatuses(log))
    for (const each of versions)
      if (each.classifier === classifier && each.version === version) found.set(each.digest, each);
  const [first, ...others] = found.values();
  if (first === undefined)
    throw new FirebreakError(
      'FB_NOT_FOUND',
      `No process that classifies has version ${version} of ${classifier}: put its folder into one of FIREBREAK_CHALLENGER_DIRS, and look at the list for what was refused.`,
    );
  if (others.length > 0)
    throw new FirebreakError(
      'FB_CONFLICT',
      `Processes have different manifests of ${classifier} under the version ${version}: give each its own.`,
    );
  return first;
}

interface Choice {
  readonly classifier: string;
  readonly action: Change['action'];
  readonly version: FoundVersion;
  readonly by: string;
  readonly comment: string;
}

/** One after the other for a classifier, so that its versions have no gap and each rests on the one before. */
async function choose(client: Client, { classifier, action, version, by, comment }: Choice): Promise<Change> {
  await client.query('select pg_advisory_xact_lock(hashtext($1))', [`classifier:${classifier}`]);
  const before = await client.query<ChoiceRow>(
    `select ${columns} from config.classifier_choices where classifier = $1 order by version desc limit 1`,
    [classifier],
  );
  const lineUp = chosen(before.rows[0]?.line_up ?? { champion: null, dropped: [] }, action, version);
  const { rows } = await client.query<ChoiceRow>(
    `insert into config.classifier_choices (classifier, version, action, model_version, line_up, made_by, comment)
     values ($1, $2, $3, $4, $5, $6, $7) returning ${columns}`,
    [
      classifier,
      (before.rows[0]?.version ?? 0) + 1,
      action,
      version.version,
      JSON.stringify(lineUp),
      storableText(by),
      storableText(comment),
    ],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('An insert returned no row.');
  await enqueueControl(client, { kind: 'classifier', version: row.version, classifier, lineUp });
  return changeItem(row);
}

/** @returns the line-up after the change; what is dropped and promoted again is tried no more, it decides */
export function chosen(
  { champion, dropped }: LineUpChoice,
  action: Change['action'],
  { version, digest, shipped }: FoundVersion,
): LineUpChoice {
  const isIt = (other: VersionId): boolean => other.version === version && other.digest === digest;
  const others = dropped.filter((other) => !isIt(other));
  if (action === 'promote') return { champion: shipped ? null : { version, digest }, dropped: others };
  return {
    champion: champion !== null && isIt(champion) ? null : champion,
    // The oldest are long gone from the folders.
    dropped: shipped ? others : [...others, { version, digest }].slice(-64),
  };
}

function listed(statuses: readonly ClassifierStatus[], choices: readonly ChoiceRow[]): List {
  const versions = new Map<string, List['versions'][number]>();
  const refused = new Map<string, List['refused'][number]>();
  for (const status of statuses) {
    for (const { classifier, version, digest, state, shipped, silence = null } of status.versions) {
      const key = `${classifier} ${version} ${digest} ${state}`;
      const isDropped = choices
        .find((choice) => choice.classifier === classifier)
        ?.line_up.dropped.some((dropped) => dropped.version === version && dropped.digest === digest);
      const known = versions.get(key);
      versions.set(key, {
        ...{ classifier, version, shipped },
        state: state === 'resting' && isDropped === true ? 'dropped' : state,
        instances: (known?.instances ?? 0) + 1,
        silence: silence ?? known?.silence ?? null,
      });
    }
    for (const { folder, reason } of status.refused) {
      const key = `${folder} ${reason}`;
      refused.set(key, { folder, reason, instances: (refused.get(key)?.instances ?? 0) + 1 });
    }
  }
  return {
    versions: [...versions.values()],
    instances: statuses.length,
    refused: [...refused.values()],
    changes: choices.slice(0, 20).map(changeItem),
  };
}

function changeItem(row: ChoiceRow): Change {
  const { classifier, action, model_version: version, made_at: at, made_by: by, comment } = row;
  return { classifier, action, version, at: wireTime(at), by, comment };
}
