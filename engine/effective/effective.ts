import { kindOfKey } from '../../contracts/canonical.ts';
import { blockLevels, type Action, type ArtifactKind, type RunningMode } from '../../contracts/domain.ts';
import type { DecidedEntry, Entry, OwnEntry } from '../../contracts/entry.ts';
import type { DeviceId, Timestamp } from '../../contracts/ids.ts';
import type { Policy } from '../../contracts/policy.ts';

/** The device for which entries are put to use; `deviceId` null asks for the tenant as a whole. */
export interface EffectiveDevice {
  readonly deviceId: DeviceId | null;
  readonly runningMode: RunningMode;
}

export interface Effective {
  /** What to do; null when nothing in force speaks about the artifact. */
  readonly action: Action | null;
  /** The entry that decided it. */
  readonly entry: Entry | null;
}

/**
 * Precedence of own entries by kind of artifact, most binding first. Files, scripts, command lines and certificates: a
 * block beats an allow. Network artifacts: an allow beats a warning beats a block. Source: Defender's documented
 * precedence lists for file and network indicators.
 */
const filePrecedence: readonly Action[] = ['block-and-remediate', 'block', 'warn', 'audit', 'allow'];
const networkPrecedence: readonly Action[] = ['allow', 'warn', 'block-and-remediate', 'block', 'audit'];

function precedence(kind: ArtifactKind): readonly Action[] {
  return kind === 'domain' || kind === 'ip' || kind === 'url' ? networkPrecedence : filePrecedence;
}

/** An entry counts until, and not at, its expiry. */
export function inForce(entry: Entry, now: Timestamp): boolean {
  return entry.expiresAt === null || now < entry.expiresAt;
}

/**
 * Turns the entries of ONE artifact key into what a device does: own entries first (those for single devices before
 * those for all, then by the precedence list), else the strongest decided entry whose `blockFrom` the policy's block
 * level reaches, else, where entries exist but the level is more careful, an audit; at last audit-only policy and the
 * running mode weaken what would block.
 *
 * @param entries of one key, in any order; expired ones and own ones for other devices are left out here
 * @param now by the server's clock
 */
export function effective(
  entries: readonly Entry[],
  policy: Policy,
  device: EffectiveDevice,
  now: Timestamp,
): Effective {
  const current = entries.filter((entry) => inForce(entry, now));
  const own = current.filter(
    (entry): entry is OwnEntry => entry.source === 'own' && isTargeted(entry, device),
  );
  const chosen = strongestOwn(own) ?? strongestDecided(current, policy);
  if (chosen === null) return { action: null, entry: null };
  return { action: weaken(chosen.action, policy, device), entry: chosen.entry };
}

function isTargeted(entry: OwnEntry, device: EffectiveDevice): boolean {
  return (
    'all' in entry.targets || (device.deviceId !== null && entry.targets.deviceIds.includes(device.deviceId))
  );
}

interface Choice {
  readonly action: Action;
  readonly entry: Entry;
}

function strongestOwn(own: readonly OwnEntry[]): Choice | null {
  const single = own.filter((entry) => !('all' in entry.targets));
  const candidates = single.length > 0 ? single : own;
  const [first] = candidates;
  if (first === undefined) return null;
  const order = precedence(kindOfKey(first.key));
  const entry = candidates.reduce((best, next) => (compareOwn(next, best, order) < 0 ? next : best));
  return { action: entry.action, entry };
}

function compareOwn(a: OwnEntry, b: OwnEntry, order: readonly Action[]): number {
  return order.indexOf(a.action) - order.indexOf(b.action) || compareText(a.id, b.id);
}

function strongestDecided(current: readonly Entry[], policy: Policy): Choice | null {
  const decided = current.filter((entry): entry is DecidedEntry => entry.source === 'decision');
  const reached = decided.filter(
    (entry) => blockLevels.indexOf(entry.blockFrom) <= blockLevels.indexOf(policy.blockLevel),
  );
  const candidates = reached.length > 0 ? reached : decided;
  const [first] = candidates;
  if (first === undefined) return null;
  const entry = candidates.reduce((best, next) => (compareDecided(next, best) < 0 ? next : best), first);
  const below = reached.length === 0 && entry.action !== 'allow';
  return { action: below ? 'audit' : entry.action, entry };
}

function compareDecided(a: DecidedEntry, b: DecidedEntry): number {
  return (
    filePrecedence.indexOf(a.action) - filePrecedence.indexOf(b.action) ||
    blockLevels.indexOf(a.blockFrom) - blockLevels.indexOf(b.blockFrom) ||
    compareText(a.id, b.id)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function weaken(action: Action, policy: Policy, device: EffectiveDevice): Action {
  if (action === 'allow' || action === 'audit') return action;
  const enforces =
    device.runningMode === 'active' || (device.runningMode !== 'disabled' && policy.edrBlockMode);
  return policy.enforce === 'audit' || !enforces ? 'audit' : action;
}
