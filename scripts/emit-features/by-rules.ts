import { createRulesClassifier } from '../../classifiers/rules/classifier.ts';
import { judge } from '../evaluate/judge.ts';
import type { ReportParts, TableRow, WholeReport } from '../to-reports/tables.ts';

/** Each with the probability that the rules give it, in their order: the other witness of command lines and scripts. */
export async function* withRules<Item>(
  items: AsyncIterable<Item>,
  reportOf: (item: Item) => ReportParts | WholeReport,
): AsyncGenerator<{ readonly item: Item; readonly byRules: number | undefined }> {
  const rules = await createRulesClassifier();
  const asked: Item[] = [];
  async function* rows(): AsyncGenerator<TableRow> {
    for await (const item of items) {
      asked.push(item);
      yield { id: '', item: '', label: null, groups: {}, reports: [reportOf(item)] };
    }
  }
  for await (const { judgements } of judge([rules], rows())) {
    const item = asked.shift();
    if (item !== undefined) yield { item, byRules: judgements.get('rules')?.probability };
  }
}
