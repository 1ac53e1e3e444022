import type { Trust } from '../../contracts/domain.ts';
import type { TenantId } from '../../contracts/ids.ts';
import { topics, type ControlRecord } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import { parseBatch, type TopicLog } from '../../platform/log/topic-log.ts';

/** How far the operator trusts each tenant, as the control topic says. A tenant that it does not name is new. */
export class TrustView implements Part {
  readonly name = 'correlate.trust';
  readonly #log: TopicLog;
  readonly #trust = new Map<TenantId, { readonly version: number; readonly trust: Trust }>();
  readonly #abort = new AbortController();
  #following: Promise<void> = Promise.resolve();
  #failure: string | null = 'it has not read the control topic yet';

  constructor(log: TopicLog) {
    this.#log = log;
  }

  async start(): Promise<void> {
    const from = (await this.#log.log.bounds(topics.control.name)).map(({ topic, partition, start }) => ({
      topic,
      partition,
      offset: start,
    }));
    await new Promise<void>((reached, failed) => {
      this.#following = this.#log.log.follow({
        from,
        signal: this.#abort.signal,
        handle: (batch) => {
          for (const { value } of parseBatch(topics.control, batch).records)
            if (value !== null) this.apply(value);
        },
        onReached: () => {
          this.#failure = null;
          reached();
        },
      });
      this.#following.catch((error: unknown) => {
        this.#failure = 'it lost the control topic';
        failed(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#following.catch(() => undefined);
  }

  unready(): string | null {
    return this.#failure;
  }

  apply(record: ControlRecord): void {
    if (record.kind !== 'tenant') return;
    const before = this.#trust.get(record.tenantId);
    if (before === undefined || record.version > before.version) this.#trust.set(record.tenantId, record);
  }

  readonly trustOf = (tenantId: TenantId): Trust => this.#trust.get(tenantId)?.trust ?? 'new';
}
