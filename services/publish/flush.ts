import type { DeviceId, TenantId } from '../../contracts/ids.ts';
import { toTimestamp } from '../../contracts/ids.ts';
import { digestText } from '../../engine/stream/digest.ts';
import type { HeldChange } from '../../engine/stream/entry-table.ts';
import { orderFlush } from '../../engine/stream/phases.ts';
import { changeFrame, frame } from './frames.ts';
import type { Pending, PublishedState } from './published-state.ts';
import { ecosystemScope, scopeNames, type Caller } from './scope.ts';

interface SentChange extends HeldChange {
  readonly frame: string;
}

/** @returns the frame that closes a flush: everything up to the cursor has been sent, and this is what you hold now */
export function checkpointFrame(
  state: PublishedState,
  caller: Caller,
  cursor: string,
  nowMs: number,
): string {
  const digest = state.digestOf(caller);
  const data = { now: toTimestamp(nowMs), count: digest.count, digest: digestText(digest) };
  return frame('checkpoint', JSON.stringify(data), cursor);
}

/**
 * One cut of the state, made into bytes. Must be asked for all bodies before the state moves on. Frames are encoded
 * once per change, bodies once per tenant; only a device with entries of its own, or one that reported what changed,
 * gets a body of its own.
 */
export class Flush {
  readonly #state: PublishedState;
  readonly #pending: Pending;
  readonly #cursor: string;
  readonly #nowMs: number;
  readonly #changes = new Map<string, readonly SentChange[]>();
  readonly #tenantFrames = new Map<TenantId, Buffer>();
  readonly #tenantBodies = new Map<TenantId, Buffer>();
  readonly #reporters: ReadonlySet<DeviceId>;

  constructor(state: PublishedState, pending: Pending, cursor: string, nowMs: number) {
    this.#state = state;
    this.#pending = pending;
    this.#cursor = cursor;
    this.#nowMs = nowMs;
    this.#reporters = this.#findReporters();
  }

  /** @returns changes, if any, and the checkpoint */
  bodyFor(caller: Caller): Buffer {
    const [, , deviceScope] = scopeNames(caller);
    if (this.#pending.changed.has(deviceScope) || this.#reporters.has(caller.deviceId)) {
      return Buffer.concat([this.#deviceFrames(caller), this.#checkpoint(caller)]);
    }
    if (this.#state.scope(deviceScope) !== undefined) {
      return Buffer.concat([this.#framesOfTenant(caller), this.#checkpoint(caller)]);
    }
    const held = this.#tenantBodies.get(caller.tenantId);
    if (held !== undefined) return held;
    const body = Buffer.concat([this.#framesOfTenant(caller), this.#checkpoint(caller)]);
    this.#tenantBodies.set(caller.tenantId, body);
    return body;
  }

  #findReporters(): ReadonlySet<DeviceId> {
    const reporters = new Set<DeviceId>();
    for (const ids of this.#pending.changed.values()) {
      for (const id of ids) {
        const origin = this.#state.origins.of(id);
        if (origin !== undefined) reporters.add(origin.deviceId);
      }
    }
    return reporters;
  }

  #checkpoint(caller: Caller): Buffer {
    return Buffer.from(checkpointFrame(this.#state, caller, this.#cursor, this.#nowMs));
  }

  #changesOf(scopeName: string): readonly SentChange[] {
    const held = this.#changes.get(scopeName);
    if (held !== undefined) return held;
    const table = this.#state.scope(scopeName)?.table;
    const changes = [...(this.#pending.changed.get(scopeName) ?? [])].flatMap((id) => {
      const change = table?.held(id);
      return change === undefined ? [] : [{ ...change, frame: changeFrame(change) }];
    });
    this.#changes.set(scopeName, changes);
    return changes;
  }

  #framesOfTenant(caller: Caller): Buffer {
    const held = this.#tenantFrames.get(caller.tenantId);
    if (held !== undefined) return held;
    const [, tenantScope] = scopeNames(caller);
    const changes = orderFlush([...this.#changesOf(ecosystemScope), ...this.#changesOf(tenantScope)]);
    const frames = Buffer.from(changes.map((change) => change.frame).join('') + this.#policyFrame(caller));
    this.#tenantFrames.set(caller.tenantId, frames);
    return frames;
  }

  #deviceFrames(caller: Caller): Buffer {
    const changes = orderFlush(scopeNames(caller).flatMap((name) => this.#changesOf(name)));
    const frames = changes.map((change) => {
      const origin = this.#state.origins.for(change.id, caller.deviceId);
      return origin === undefined ? change.frame : changeFrame(change, origin);
    });
    return Buffer.from(frames.join('') + this.#policyFrame(caller));
  }

  #policyFrame({ tenantId }: Caller): string {
    const revision = this.#pending.policies.get(tenantId);
    return revision === undefined ? '' : frame('policy', JSON.stringify({ revision }));
  }
}
