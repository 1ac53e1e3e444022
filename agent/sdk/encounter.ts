import type { ArtifactKey } from '../../contracts/artifact.ts';
import { identifyArtifact } from '../../contracts/canonical.ts';
import type { Entry } from '../../contracts/entry.ts';
import type { Timestamp } from '../../contracts/ids.ts';
import type { Policy } from '../../contracts/policy.ts';
import { reportSchema, type ReportInput } from '../../contracts/report.ts';
import type { EffectiveDevice } from '../../engine/effective/effective.ts';
import { obeyEntries, obeyNobody, obeyResult, type Obeyed } from './obey.ts';
import type { ReportsClient } from './reports-client.ts';
import { ServiceError } from './service-call.ts';

/** What a device needs to meet something new. */
export interface Sentry {
  readonly client: Pick<ReportsClient, 'send'>;
  readonly device: EffectiveDevice;
  readonly policy: Policy;
  /** The entries that the device holds of one artifact. */
  entriesOf(key: ArtifactKey): readonly Entry[];
  /** By the server's clock. */
  now(): Timestamp;
}

export interface Encounter {
  readonly outcome: Obeyed;
  /** `device`: the entries at hand decided, nobody was waited for. */
  readonly decidedAt: 'device' | 'service';
  /** The service asks for the file itself; see `createSampleClient`. */
  readonly sampleWanted: boolean;
}

/** Beyond the hold, for the answer to travel. */
const travelMs = 2_000;

/**
 * A device meets an artifact. What its entries decide is obeyed at once, and the sighting is reported all the same, with
 * what became of it; everything else is reported and waited for, `waitMs` at most. Whatever keeps the answer away, the
 * policy decides then; nothing is thrown for it.
 */
export async function encounter(sentry: Sentry, report: ReportInput, waitMs: number): Promise<Encounter> {
  const { key } = identifyArtifact(reportSchema.parse(report).artifact);
  const known = obeyEntries(sentry.entriesOf(key), sentry.policy, sentry.device, sentry.now());
  if (known === null) return { ...(await ask(sentry, report, waitMs)), decidedAt: 'service' };
  const { sampleWanted } = await ask(
    sentry,
    { ...report, localAction: known.stopped ? 'blocked' : 'allowed' },
    0,
  );
  return { outcome: known, decidedAt: 'device', sampleWanted };
}

type Asked = Omit<Encounter, 'decidedAt'>;

async function ask(sentry: Sentry, report: ReportInput, waitMs: number): Promise<Asked> {
  const nobody = (why: string): Asked => ({ outcome: obeyNobody(sentry.policy, why), sampleWanted: false });
  try {
    const signal = AbortSignal.timeout(waitMs + travelMs);
    const [result] = await sentry.client.send([report], { waitMs, signal });
    if (!result) return nobody('The answer is empty.');
    const outcome = obeyResult(result, sentry.policy, sentry.device, sentry.now());
    return { outcome, sampleWanted: result.sample?.wanted === true };
  } catch (error) {
    if (error instanceof ServiceError) return nobody(error.message);
    if (isTimeout(error)) return nobody('There is no verdict in time.');
    throw error;
  }
}

function isTimeout(error: unknown): boolean {
  const name = typeof error === 'object' && error !== null && 'name' in error ? error.name : '';
  return name === 'TimeoutError' || name === 'AbortError';
}
