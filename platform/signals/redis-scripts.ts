import { readFileSync } from 'node:fs';
import type { ChainableCommander, Cluster, Redis, Result } from 'ioredis';
import { maxFacts, maxMembers } from '../../contracts/signals.ts';
import type { EncodedStep, FieldValues } from './redis-state.ts';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    signalsFold(...keysAndArguments: string[]): Result<unknown, Context>;
    signalsDump(...keysAndArguments: string[]): Result<unknown, Context>;
    signalsCheckMarker(...keysAndArguments: string[]): Result<unknown, Context>;
    signalsSetMarker(...keysAndArguments: string[]): Result<unknown, Context>;
    signalsBeginRestore(...keysAndArguments: string[]): Result<unknown, Context>;
  }
}

/** What of one artifact lies where. All keys of a partition have its hash tag, so a cluster keeps them in one slot. */
export interface ArtifactKeys {
  readonly marker: string;
  readonly hash: string;
  readonly members: string;
}

/** Makes the scripts known to a client. They are sent once a connection, then called by their digest. */
export function defineScripts(client: Redis | Cluster): void {
  const lua = (url: URL) => readFileSync(url, 'utf8');
  const foldParts = [
    new URL('./fold-members.lua', import.meta.url),
    new URL('./fold-facts.lua', import.meta.url),
    new URL('./fold.lua', import.meta.url),
  ];
  const define = (name: string, numberOfKeys: number, text: string) =>
    client.defineCommand(name, { numberOfKeys, lua: text });
  define('signalsFold', 3, foldParts.map(lua).join('\n'));
  define('signalsDump', 3, lua(new URL('./dump.lua', import.meta.url)));
  define('signalsCheckMarker', 1, lua(new URL('./check-marker.lua', import.meta.url)));
  define('signalsSetMarker', 2, lua(new URL('./set-marker.lua', import.meta.url)));
  define('signalsBeginRestore', 1, lua(new URL('./begin-restore.lua', import.meta.url)));
}

export interface FoldOptions {
  /** Without, it restores: no marker is needed, and the reply tells nothing. */
  readonly needsMarker: boolean;
  readonly lookBackMs: number;
  /** The artifact is forgotten after this, unless more is told of it. Where it restores, it may be kept longer already. */
  readonly keepMs: number;
}

/** What an artifact was before the steps and what each of them changed, in order. */
export interface FoldReply {
  readonly before: FieldValues;
  readonly changes: readonly FieldValues[];
}

/** Queues the fold of steps into one artifact; without steps it only reads. The reply is for `readFold`. */
export function queueFold(
  pipeline: ChainableCommander,
  { marker, hash, members }: ArtifactKeys,
  steps: readonly EncodedStep[],
  { needsMarker, lookBackMs, keepMs }: FoldOptions,
): void {
  const limits = [lookBackMs, maxMembers, maxFacts, keepMs].map(String);
  const args = [needsMarker ? '1' : '0', ...limits];
  for (const { first, last, members: seen, facts } of steps) {
    args.push(first, last, String(seen.length));
    for (const pair of seen) args.push(...pair);
    args.push(String(facts.length));
    for (const fact of facts) args.push(...fact);
  }
  pipeline.signalsFold(marker, hash, members, ...args);
}

/** @returns null when the partition has no marker */
export function readFold(reply: unknown): FoldReply | null {
  if (reply === null) return null;
  const [before, ...changes] = listOf(reply).map(fieldValuesOf);
  return { before: before ?? [], changes };
}

export function queueDump(pipeline: ChainableCommander, { marker, hash, members }: ArtifactKeys): void {
  pipeline.signalsDump(marker, hash, members);
}

/** @returns hash and members with their scores; null when the partition has no marker */
export function readDump(
  reply: unknown,
): { readonly hash: FieldValues; readonly members: readonly string[] } | null {
  if (reply === null) return null;
  const [hash, members] = listOf(reply);
  return { hash: fieldValuesOf(hash), members: listOf(members).map(textOf) };
}

/** The reply is 1 when the marker stands; one of another run of a server is taken away. */
export function queueCheckMarker(pipeline: ChainableCommander, marker: string): void {
  pipeline.signalsCheckMarker(marker);
}

/** The reply is 1 when the marker stands, 0 when the lineage is another one by now. An empty lineage is not checked. */
export function queueSetMarker(
  pipeline: ChainableCommander,
  marker: string,
  lineageKey: string,
  lineage: string,
): void {
  pipeline.signalsSetMarker(marker, lineageKey, lineage);
}

/** The reply is the lineage of the partition: the same as long as it keeps what is restored into it. */
export function queueBeginRestore(pipeline: ChainableCommander, lineageKey: string, fresh: string): void {
  pipeline.signalsBeginRestore(lineageKey, fresh);
}

export function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`Redis answered ${typeof value} instead of text.`);
  return value;
}

function fieldValuesOf(value: unknown): FieldValues {
  return listOf(value).map((item) => (item === null ? null : textOf(item)));
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`Redis answered ${typeof value} instead of a list.`);
  return value;
}
