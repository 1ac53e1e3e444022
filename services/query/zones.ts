import type { Client } from './database.ts';

/** A day of history and when its rows were recorded, at most. */
interface Zone {
  /** `YYYY-MM-DD`, in UTC */
  readonly day: string;
  readonly first_recorded_at: Date | null;
  readonly last_recorded_at: Date | null;
}

export interface ZonedList<Row> {
  readonly parent: 'reports' | 'decisions';
  /** What the table is partitioned by. */
  readonly dayColumn: 'reported_at' | 'accepted_at';
  /** Only rows recorded at this time or later are asked for. */
  readonly from: string | undefined;
  /** Only rows recorded before or at this time are asked for. */
  readonly until: string | undefined;
  /** How many make the page full. */
  readonly rows: number;
  /** @param skip a condition that leaves out some days */
  readonly select: (skip: string) => Promise<readonly Row[]>;
}

const firstDays = 3;
const growth = 8;
const dayMs = 86_400_000;

/**
 * The newest rows of a table with a partition a day, looking only into the days that can hold one of them. Days are
 * those of the device or of acceptance, order is that of recording: a late row of an old day belongs on top, so a page
 * is whole only when no day left out was recorded into as late as its last row.
 */
export async function newestRows<Row extends { readonly recorded_at: Date }>(
  client: Client,
  list: ZonedList<Row>,
): Promise<readonly Row[]> {
  const looked = new Set<string>();
  let zones = await readZones(client, list.parent);
  for (let most = firstDays; ; most *= growth) {
    for (const { day } of candidates(zones, list, looked).slice(0, most)) looked.add(day);
    const rows = await list.select(skipped(zones, looked, list.dayColumn));
    // Read after the rows: what was recorded before they were read is in the zones.
    zones = await readZones(client, list.parent);
    const full = rows.length >= list.rows;
    const reachedMs = full ? (rows.at(-1)?.recorded_at.getTime() ?? 0) : Number.NEGATIVE_INFINITY;
    const missed = candidates(zones, list, looked).filter((zone) => lastMs(zone) >= reachedMs);
    if (missed.length === 0) return rows;
    if (full) for (const { day } of missed) looked.add(day);
  }
}

async function readZones(client: Client, parent: string): Promise<readonly Zone[]> {
  const { rows } = await client.query<Zone>(
    `select to_char(day, 'YYYY-MM-DD') as day, first_recorded_at, last_recorded_at from history.zones
      where parent = $1 order by last_recorded_at desc nulls last, day desc`,
    [parent],
  );
  return rows;
}

/** @returns days not looked into that may hold rows of the range, latest recorded first */
function candidates(
  zones: readonly Zone[],
  { from, until }: Pick<ZonedList<unknown>, 'from' | 'until'>,
  looked: ReadonlySet<string>,
): readonly Zone[] {
  const [fromMs, untilMs] = [from && Date.parse(from), until && Date.parse(until)];
  return zones.filter(
    (zone) =>
      !looked.has(zone.day) &&
      zone.first_recorded_at !== null &&
      (!fromMs || lastMs(zone) >= fromMs) &&
      (!untilMs || zone.first_recorded_at.getTime() <= untilMs),
  );
}

function lastMs(zone: Zone): number {
  return zone.last_recorded_at?.getTime() ?? Number.NEGATIVE_INFINITY;
}

/** @returns a condition that leaves out the days not looked into; adjacent ones as one range, for the planner's sake */
function skipped(zones: readonly Zone[], looked: ReadonlySet<string>, column: string): string {
  const days = zones
    .filter(({ day }) => !looked.has(day))
    .map(({ day }) => Date.parse(`${day}T00:00:00Z`))
    .sort((a, b) => a - b);
  const ranges: { from: number; to: number }[] = [];
  for (const from of days) {
    const last = ranges.at(-1);
    if (last?.to === from) last.to = from + dayMs;
    else ranges.push({ from, to: from + dayMs });
  }
  const conditions = ranges.map(
    ({ from, to }) => `(${column} < '${iso(from)}' or ${column} >= '${iso(to)}')`,
  );
  return conditions.length === 0 ? 'true' : conditions.join(' and ');
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
