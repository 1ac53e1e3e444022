/**
 * Every limit of the service: its default, the environment variable that changes it, and why it is what it is.
 * `checkLimits` asserts how they hang together; configuration calls it at start.
 */
export interface Limit {
  readonly value: number;
  readonly key: string;
  readonly why: string;
}

function limit(value: number, key: string, why: string): Limit {
  return { value, key, why };
}

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

export const limitDefinitions = {
  bodyBytes: limit(
    2 * mebibyte,
    'FIREBREAK_LIMIT_BODY_BYTES',
    'A batch of 500 ordinary reports fits; a flood does not.',
  ),
  inflatedBodyBytes: limit(
    8 * mebibyte,
    'FIREBREAK_LIMIT_INFLATED_BODY_BYTES',
    'Compressed input may not become a bomb.',
  ),
  waitingBodyBytes: limit(
    64 * mebibyte,
    'FIREBREAK_LIMIT_WAITING_BODY_BYTES',
    'Bodies are parsed a few in a turn of the event loop; what waits for its turn lies in memory.',
  ),
  reportBytes: limit(
    320 * kibibyte,
    'FIREBREAK_LIMIT_REPORT_BYTES',
    'One report with a full text and a process tree fits in one log record.',
  ),
  textBytes: limit(
    256 * kibibyte,
    'FIREBREAK_LIMIT_TEXT_BYTES',
    'Longer scripts are reported by digest, head and tail.',
  ),
  depth: limit(12, 'FIREBREAK_LIMIT_DEPTH', 'The deepest path of the report schema has 7 levels.'),
  reportsPerBatch: limit(
    500,
    'FIREBREAK_LIMIT_REPORTS_PER_BATCH',
    'Bounds the work of one request; beyond 500 a larger batch costs no less per report.',
  ),
  lookupsPerRequest: limit(500, 'FIREBREAK_LIMIT_LOOKUPS_PER_REQUEST', 'The same bound as for reports.'),
  eventsPerReport: limit(
    512,
    'FIREBREAK_LIMIT_EVENTS_PER_REPORT',
    'A whole process tree of an intrusion fits.',
  ),
  recordBytes: limit(
    1 * mebibyte,
    'FIREBREAK_LIMIT_RECORD_BYTES',
    'The largest record of any log in use (Kafka default max.message.bytes).',
  ),
  pageItems: limit(10_000, 'FIREBREAK_LIMIT_PAGE_ITEMS', "The largest page, as in Defender's alert API."),
  pageItemsDefault: limit(
    100,
    'FIREBREAK_LIMIT_PAGE_ITEMS_DEFAULT',
    'A screenful for people, cheap for the database.',
  ),
  waitMs: limit(
    60 * second,
    'FIREBREAK_LIMIT_WAIT_MS',
    'Defender holds a file for at most 60 s; nobody waits longer for an answer.',
  ),
  longPollMs: limit(
    60 * second,
    'FIREBREAK_LIMIT_LONG_POLL_MS',
    'Below the idle time-out of common proxies.',
  ),
  waitersPerProcess: limit(
    10_000,
    'FIREBREAK_LIMIT_WAITERS',
    'A held request keeps a socket; more than this and new ones are answered at once as pending.',
  ),
  inflightReportBytes: limit(
    32 * mebibyte,
    'FIREBREAK_LIMIT_INFLIGHT_REPORT_BYTES',
    'What may wait for the log at once, shared out among tenants; half of what the log itself queues, so that ingest sheds by value first.',
  ),
  undecidedMs: limit(
    1 * second,
    'FIREBREAK_LIMIT_UNDECIDED_MS',
    'While older reports than this wait for their decision, repeats of known artifacts are shed: what is new is decided sooner.',
  ),
  recentReports: limit(
    50_000,
    'FIREBREAK_LIMIT_RECENT_REPORTS',
    'About 20 MB; tells duplicates and answers for reports that the history does not have yet.',
  ),
  joinDeadlineMs: limit(
    500,
    'FIREBREAK_JOIN_DEADLINE_MS',
    'The verdict is wanted well under a second; what is missing by then makes a later revision.',
  ),
  heldScoresPerPartition: limit(
    10_000,
    'FIREBREAK_LIMIT_HELD_SCORES',
    'Scores whose report is not read yet, bounded so that a lost report cannot fill memory.',
  ),
  clockSkewMs: limit(
    5 * minute,
    'FIREBREAK_LIMIT_CLOCK_SKEW_MS',
    'Beyond it a device clock is suspect and server time counts.',
  ),
  signalAgeMs: limit(
    7 * day,
    'FIREBREAK_LIMIT_SIGNAL_AGE_MS',
    'Older observations are history and tell nothing about prevalence now.',
  ),
  lookBackMs: limit(
    30 * day,
    'FIREBREAK_LOOK_BACK_MS',
    "Prevalence looks back 30 days, as Defender's file statistics do (720 h).",
  ),
  answerLifeMs: limit(24 * hour, 'FIREBREAK_ANSWER_LIFE_MS', 'How long "no threats found" is good for.'),
  blockLifeMs: limit(
    30 * day,
    'FIREBREAK_BLOCK_LIFE_MS',
    'An automatic block ends by itself unless sightings renew it.',
  ),
  suspicionLifeMs: limit(7 * day, 'FIREBREAK_SUSPICION_LIFE_MS', 'Weaker evidence ages faster.'),
  cursorLifeMs: limit(7 * day, 'FIREBREAK_CURSOR_LIFE_MS', 'An agent away for longer takes a snapshot.'),
  tombstoneDelayMs: limit(
    8 * day,
    'FIREBREAK_TOMBSTONE_DELAY_MS',
    'A day longer than a cursor lives, so that no cursor can miss a revocation.',
  ),
  subscribersPerProcess: limit(
    15_000,
    'FIREBREAK_LIMIT_SUBSCRIBERS',
    'Leaves file descriptors for everything else below a hard limit of 20,000.',
  ),
  subscriberQueueBytes: limit(
    1 * mebibyte,
    'FIREBREAK_LIMIT_SUBSCRIBER_QUEUE_BYTES',
    'A reader that is further behind is told to resync and dropped.',
  ),
  flushIntervalMs: limit(
    50,
    'FIREBREAK_FLUSH_INTERVAL_MS',
    'The first change goes out at once, then at most one write per subscriber in this time: ten changes in one write cost a tenth.',
  ),
  pingMs: limit(15 * second, 'FIREBREAK_PING_MS', 'Three missed pings and the agent reconnects (45 s).'),
  authCacheMs: limit(
    30 * second,
    'FIREBREAK_AUTH_CACHE_MS',
    'The longest that a withdrawn credential lives if the control topic is late.',
  ),
  credentialGraceMs: limit(
    24 * hour,
    'FIREBREAK_CREDENTIAL_GRACE_MS',
    'An old device credential lives until the new one is used, at most this long.',
  ),
  holdMs: limit(10 * second, 'FIREBREAK_HOLD_MS', "Defender's default time-out of a held file."),
  overridesPerTenant: limit(
    15_000,
    'FIREBREAK_LIMIT_OVERRIDES',
    "Defender's bound on custom indicators of one organization.",
  ),
  benignCacheEntries: limit(
    100_000,
    'FIREBREAK_LIMIT_BENIGN_CACHE',
    'About 40 MB; what falls out is judged again.',
  ),
  signalCacheEntries: limit(
    100_000,
    'FIREBREAK_LIMIT_SIGNAL_CACHE',
    'Working set of the embedded signals; the rest stays in the changelog.',
  ),
  changelogIntervalMs: limit(
    minute,
    'FIREBREAK_CHANGELOG_INTERVAL_MS',
    'A dirty artifact is written at most once in this time.',
  ),
  reportRetentionMs: limit(
    7 * day,
    'FIREBREAK_RETENTION_REPORTS_MS',
    'How far back verdicts can be recomputed from the log.',
  ),
  decisionRetentionMs: limit(
    30 * day,
    'FIREBREAK_RETENTION_DECISIONS_MS',
    'How far back history can be rebuilt from the log.',
  ),
  signalRetentionMs: limit(
    180 * day,
    'FIREBREAK_RETENTION_SIGNALS_MS',
    'An artifact that nobody has seen or testified about for so long is forgotten, confirmations and protection too. As long as history tells what was known; never while an entry that rests on it is in force.',
  ),
  sharedFromTenants: limit(
    3,
    'FIREBREAK_SHARED_FROM_TENANTS',
    'Counts and times of an artifact are told to others when at least this many organizations know it; never below 3.',
  ),
  sampleBytes: limit(
    32 * mebibyte,
    'FIREBREAK_LIMIT_SAMPLE_BYTES',
    'Nearly all malware is smaller, and an analyser holds a whole sample in memory.',
  ),
  sampleQuotaBytes: limit(
    1024 * mebibyte,
    'FIREBREAK_LIMIT_SAMPLE_QUOTA_BYTES',
    'What one organization may have stored at a time, uploads that are on their way included.',
  ),
  sampleUploadsPerProcess: limit(
    16,
    'FIREBREAK_LIMIT_SAMPLE_UPLOADS',
    'At once, of which one organization gets a quarter: each holds a piece of 256 KiB and writes to the database.',
  ),
  sampleRetentionMs: limit(
    7 * day,
    'FIREBREAK_RETENTION_SAMPLES_MS',
    'A sample is analysed within seconds; the rest of the time is for people who look into it.',
  ),
  sampleAnalysisMs: limit(
    20 * second,
    'FIREBREAK_LIMIT_SAMPLE_ANALYSIS_MS',
    'What takes longer is missing evidence: the sample is given up and the next one begins.',
  ),
  sampleAnalysisMib: limit(
    512,
    'FIREBREAK_LIMIT_SAMPLE_ANALYSIS_MIB',
    'Memory of one worker of the analyser; a sample that takes more is given up.',
  ),
  sampleAnalysers: limit(
    1,
    'FIREBREAK_LIMIT_SAMPLE_ANALYSERS',
    'Samples that one process analyses at a time, each in a worker thread of its own.',
  ),
  sentSamples: limit(
    200_000,
    'FIREBREAK_LIMIT_SENT_SAMPLES',
    'About 20 MB; remembers what was sent, so that it is not asked for again.',
  ),
  detonationBytes: limit(
    64 * mebibyte,
    'FIREBREAK_LIMIT_DETONATION_BYTES',
    'Reports of sandboxes are tens of MiB, nearly all of it calls that nobody reads; a request has 30 s.',
  ),
  detonationsPerProcess: limit(
    4,
    'FIREBREAK_LIMIT_DETONATIONS',
    'Reports of sandboxes read at once, of which one organization gets a quarter: reading one takes the processor for about a second.',
  ),
  historyRetentionDays: limit(
    180,
    'FIREBREAK_RETENTION_HISTORY_DAYS',
    'Defender keeps 180 days; whole days are dropped.',
  ),
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof limitDefinitions;
export type Limits = Readonly<Record<LimitName, number>>;

export const defaultLimits: Limits = Object.freeze(
  Object.fromEntries(Object.entries(limitDefinitions).map(([name, { value }]) => [name, value])) as Record<
    LimitName,
    number
  >,
);

const relations: readonly { readonly says: string; readonly holds: (limits: Limits) => boolean }[] = [
  { says: 'textBytes < reportBytes', holds: (l) => l.textBytes < l.reportBytes },
  { says: 'reportBytes <= bodyBytes', holds: (l) => l.reportBytes <= l.bodyBytes },
  { says: 'bodyBytes <= inflatedBodyBytes', holds: (l) => l.bodyBytes <= l.inflatedBodyBytes },
  { says: 'inflatedBodyBytes <= waitingBodyBytes', holds: (l) => l.inflatedBodyBytes <= l.waitingBodyBytes },
  { says: '2 * reportBytes <= recordBytes', holds: (l) => 2 * l.reportBytes <= l.recordBytes },
  {
    says: '8 * reportBytes <= inflightReportBytes',
    holds: (l) => 8 * l.reportBytes <= l.inflightReportBytes,
  },
  { says: 'pageItemsDefault <= pageItems', holds: (l) => l.pageItemsDefault <= l.pageItems },
  { says: 'joinDeadlineMs < undecidedMs', holds: (l) => l.joinDeadlineMs < l.undecidedMs },
  { says: 'joinDeadlineMs < holdMs', holds: (l) => l.joinDeadlineMs < l.holdMs },
  { says: 'holdMs <= waitMs', holds: (l) => l.holdMs <= l.waitMs },
  { says: 'bodyBytes <= sampleBytes', holds: (l) => l.bodyBytes <= l.sampleBytes },
  { says: 'sampleBytes <= sampleQuotaBytes', holds: (l) => l.sampleBytes <= l.sampleQuotaBytes },
  { says: 'sharedFromTenants >= 3', holds: (l) => l.sharedFromTenants >= 3 },
  { says: 'cursorLifeMs < tombstoneDelayMs', holds: (l) => l.cursorLifeMs < l.tombstoneDelayMs },
  { says: 'suspicionLifeMs <= blockLifeMs', holds: (l) => l.suspicionLifeMs <= l.blockLifeMs },
  {
    says: 'blockLifeMs + lookBackMs <= signalRetentionMs',
    holds: (l) => l.blockLifeMs + l.lookBackMs <= l.signalRetentionMs,
  },
  {
    says: 'answerLifeMs + lookBackMs <= signalRetentionMs',
    holds: (l) => l.answerLifeMs + l.lookBackMs <= l.signalRetentionMs,
  },
  {
    says: 'changelogIntervalMs < reportRetentionMs',
    holds: (l) => l.changelogIntervalMs < l.reportRetentionMs,
  },
];

/** @returns the broken relations in words; empty when all hold */
export function checkLimits(limits: Limits): readonly string[] {
  return relations.filter(({ holds }) => !holds(limits)).map(({ says }) => says);
}
