import type { z } from 'zod';
import { FirebreakError } from '../../contracts/errors.ts';
import type { reportBatchSchema, ReportResult } from '../../contracts/http.ts';
import { toEpochMs, toTimestamp } from '../../contracts/ids.ts';
import type { Limits } from '../../contracts/limits.ts';
import type { AcceptedReport } from '../../contracts/records.ts';
import { topics } from '../../contracts/topics.ts';
import type { Preferences } from '../../platform/http/prefer.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import { traceHeader } from '../../platform/telemetry/trace.ts';
import type { Admission } from './admission.ts';
import type { Backlog } from './backlog.ts';
import type { IngestEvents } from './events.ts';
import { Hold } from './hold.ts';
import { parseReport, type Envelope, type ParsedReport } from './parse-report.ts';
import type { RecentReports } from './recent-reports.ts';
import { deferred, rejected, taken, type Taken } from './report-result.ts';
import { standingOf, type Standing } from './standing.ts';
import type { View } from './view.ts';
import type { WantedSamples } from './wanted-samples.ts';
import type { Waiters } from './waiters.ts';

export interface IntakeDependencies {
  readonly log: Pick<TopicLog, 'append'>;
  readonly view: Pick<View, 'forCaller' | 'policyOf'>;
  readonly waiters: Pick<Waiters, 'add' | 'remove'>;
  readonly recent: RecentReports;
  readonly admission: Admission;
  readonly backlog: Pick<Backlog, 'appended'>;
  readonly samples: Pick<WantedSamples, 'isWanted'>;
  readonly events: Pick<IngestEvents, 'answered' | 'appended' | 'held'>;
  readonly limits: Limits;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** One request with reports. */
export interface Intake extends Pick<Envelope, 'tenantId' | 'deviceId' | 'bodyBytes'> {
  readonly batch: z.infer<typeof reportBatchSchema>;
  readonly preferences: Preferences;
  readonly traceparent: string;
}

export interface IntakeAnswer {
  readonly results: readonly ReportResult[];
  /** Every verdict is decided, as the caller wished to wait for. */
  readonly decided: boolean;
  /** How long the caller was held at most; null where waiting was not asked for or not possible. */
  readonly waitMs: number | null;
}

/** What the reports of one request share while they are judged. */
interface Booking {
  /** Id and time of those before. */
  readonly seen: Set<string>;
  readonly awaiting: boolean;
  readonly acceptedAtMs: number;
  readonly bytesEach: number;
  /** Held of the admission. */
  bookedBytes: number;
}

/** What is done with a report of a batch. */
type Item =
  | { readonly kind: 'rejected'; readonly parsed: Extract<ParsedReport, { outcome: 'rejected' }> }
  | (Taken & { readonly kind: 'taken' | 'deferred'; readonly append: boolean });

/**
 * The way of reports into the log: parse → judge (duplicate, known, worth taking) → wait for whom it was asked →
 * append → look again → answer. Nothing is said to be accepted before the log has it.
 */
export class ReportIntake {
  readonly #deps: IntakeDependencies;

  constructor(dependencies: IntakeDependencies) {
    this.#deps = dependencies;
  }

  /**
   * @param signal tells when the caller left; asked for only when the request is held
   * @throws FB_BODY_INVALID, and what the log throws; then nothing is accepted
   */
  async take(intake: Intake, signal: () => AbortSignal): Promise<IntakeAnswer> {
    const { limits, now } = this.#deps;
    checkBatch(intake, limits);
    const { batch, preferences } = intake;
    const acceptedAtMs = now();
    const envelope = envelopeOf(intake, acceptedAtMs);
    const waitMs =
      preferences.waitSeconds === null ? 0 : Math.min(preferences.waitSeconds * 1000, limits.waitMs);
    const bytesEach = Math.ceil(intake.bodyBytes / batch.reports.length);
    const booking = {
      seen: new Set<string>(),
      awaiting: waitMs > 0,
      acceptedAtMs,
      bytesEach,
      bookedBytes: 0,
    };
    const hold = new Hold(this.#deps.waiters);
    try {
      const items = batch.reports.map((raw, index) =>
        this.#judge(parseReport(raw, index, envelope, limits), booking),
      );
      return await this.#settle(items, hold, { ...intake, waitMs, booking, signal });
    } finally {
      hold.close();
      this.#release(intake, booking);
    }
  }

  #judge(parsed: ParsedReport, batch: Booking): Item {
    if (parsed.outcome === 'rejected') return { kind: 'rejected', parsed };
    const { admission, recent } = this.#deps;
    const { dropped } = parsed;
    const standing = this.#standing(parsed.accepted);
    // What is history only is never decided on: whoever waited for that would wait for nothing.
    const awaited = batch.awaiting && standing === null && !parsed.accepted.historyOnly;
    const accepted = awaited ? { ...parsed.accepted, awaited } : parsed.accepted;
    const name = `${accepted.report.id} ${accepted.report['@timestamp']}`;
    const duplicate = batch.seen.has(name) || recent.has(accepted);
    // Whoever waits again may have missed the answer to the first: the correlator sees that it is the same report.
    const append = !duplicate || (awaited && !batch.seen.has(name));
    batch.seen.add(name);
    const item = { accepted, dropped, duplicate, standing, append };
    if (!append) return { kind: 'taken', ...item };
    const worth = standing === null ? 'first-seen' : 'known';
    const admitted = admission.tryTake(accepted.tenantId, batch.bytesEach, worth);
    if (admitted) batch.bookedBytes += batch.bytesEach;
    return { kind: admitted ? 'taken' : 'deferred', ...item, append: admitted };
  }

  async #settle(
    items: readonly Item[],
    hold: Hold,
    request: Intake & {
      readonly waitMs: number;
      readonly booking: Booking;
      readonly signal: () => AbortSignal;
    },
  ): Promise<IntakeAnswer> {
    const { events, samples, now, random } = this.#deps;
    const { waitMs, signal } = request;
    const waiting = items.flatMap((item) =>
      item.kind === 'taken' && item.accepted.awaited ? [item.accepted] : [],
    );
    const held = waiting.length > 0 && hold.addAll(waiting);
    await this.#append(items, request);
    if (held) {
      const startedAtMs = now();
      hold.lookAgain((report) => this.#standing(report) !== null);
      const outcome = await hold.wait(waitMs, signal());
      events.held(outcome, (now() - startedAtMs) / 1000);
    } else if (waiting.length > 0) {
      events.held('full', 0);
    }
    const results = items.map((item) => {
      if (item.kind === 'rejected') return rejected(item.parsed);
      if (item.kind === 'deferred') return deferred(item, Math.ceil(1000 * (1 + random())));
      const standing = item.accepted.awaited ? this.#standing(item.accepted) : item.standing;
      const isSampleWanted = samples.isWanted(item.accepted, standing, waitMs > 0);
      return taken(item, standing, hold.originOf(item.accepted), isSampleWanted);
    });
    events.answered(
      results,
      items.reduce((sum, item) => sum + (item.kind === 'rejected' ? 0 : item.dropped), 0),
    );
    const decided = results.every(
      ({ status, verdict }) => status === 'rejected' || isDecided(status, verdict),
    );
    const honoured = waitMs > 0 && (held || waiting.length === 0);
    return { results, decided: honoured && decided, waitMs: honoured ? waitMs : null };
  }

  /** Gives the log what is new. */
  async #append(items: readonly Item[], request: Intake & { readonly booking: Booking }): Promise<void> {
    const { log, recent, backlog, events, now } = this.#deps;
    const reports = items.flatMap((item) => (item.kind !== 'rejected' && item.append ? [item.accepted] : []));
    if (reports.length === 0) return;
    const startedAtMs = now();
    const headers = { [traceHeader]: request.traceparent };
    const positions = await log.append(topics.reports, reports, () => headers);
    for (const partition of new Set(positions.map((position) => position.partition)))
      backlog.appended(partition, request.booking.acceptedAtMs);
    this.#release(request, request.booking);
    events.appended(reports.length, (now() - startedAtMs) / 1000);
    for (const report of reports) recent.remember(report);
  }

  #release({ tenantId }: Intake, booking: Booking): void {
    this.#deps.admission.release(tenantId, booking.bookedBytes);
    booking.bookedBytes = 0;
  }

  #standing({ artifactKey, tenantId, deviceId }: AcceptedReport): Standing | null {
    const { view, now } = this.#deps;
    const nowMs = now();
    const entries = view.forCaller(artifactKey, tenantId, deviceId, nowMs);
    if (entries.length === 0) return null;
    // The entry is told, not the action, and the running mode bears on the action alone.
    const device = { deviceId, runningMode: 'active' } as const;
    return standingOf(entries, view.policyOf(tenantId), device, toTimestamp(nowMs));
  }
}

function envelopeOf({ tenantId, deviceId, bodyBytes, batch, preferences }: Intake, nowMs: number): Envelope {
  return {
    tenantId,
    deviceId,
    bodyBytes,
    acceptedAt: toTimestamp(nowMs),
    acceptedAtMs: nowMs,
    // The device's clock may be wrong by any amount; by how much, `sentAt` tells.
    clockOffsetMs: nowMs - toEpochMs(batch.sentAt),
    strict: preferences.strict,
  };
}

function isDecided(status: ReportResult['status'], verdict: ReportResult['verdict']): boolean {
  return status !== 'deferred' && verdict !== 'pending';
}

function checkBatch({ batch }: Intake, { reportsPerBatch }: Limits): void {
  if (batch.reports.length <= reportsPerBatch) return;
  const detail = `A batch has at most ${reportsPerBatch} reports.`;
  throw new FirebreakError('FB_BODY_INVALID', detail, { errors: [{ pointer: '/reports', detail }] });
}
