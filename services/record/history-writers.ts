import type { Limits } from '../../contracts/limits.ts';
import { TableWriter, type TableWriterOptions } from './table-writer.ts';
import { decisionTable, entryTable, reportTable } from './tables.ts';

/** Writes the batches of one topic to history, whichever rows it makes of them. */
export type TopicWriter = Pick<TableWriter<unknown>, 'topic' | 'write' | 'stop'>;

/** All that history is made of, a writer for each topic. */
export function historyWriters(
  limits: Pick<Limits, 'sharedFromTenants'>,
  options: TableWriterOptions,
): readonly TopicWriter[] {
  return [
    new TableWriter(reportTable, options),
    new TableWriter(decisionTable(limits.sharedFromTenants), options),
    new TableWriter(entryTable, options),
  ];
}
