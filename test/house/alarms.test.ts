import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { errorDefinitions } from '../../contracts/errors.ts';
import { reportStatusSchema } from '../../contracts/http.ts';
import { decisionRecordSchema } from '../../contracts/decision.ts';
import { metricCatalogue } from '../../scripts/metric-catalogue.ts';
import { group as analyseGroup } from '../../services/analyse/sample-worker.ts';
import { classifyGroup } from '../../services/classify/report-scorer.ts';
import { group as correlateGroup } from '../../services/correlate/group.ts';
import { logEventLevels } from '../../services/host/events.ts';
import { recordGroup } from '../../services/record/table-writer.ts';
import { projectFiles, read } from './source-files.ts';

const page = 'docs/operate/alarms.md';
const ruleSchema = z.union([
  z.strictObject({ record: z.string().regex(/^[a-z_]+(:[a-z0-9_]+)+$/), expr: z.string() }),
  z.strictObject({
    alert: z.string().regex(/^Firebreak[A-Z]\w+$/),
    expr: z.string(),
    for: z.string().regex(/^\d+m$/),
    labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
    annotations: z.strictObject({ summary: z.string().min(20), runbook: z.string() }),
  }),
]);
const rulesSchema = z.strictObject({
  groups: z.array(z.strictObject({ name: z.string(), rules: z.array(ruleSchema) })),
});
const rules = rulesSchema
  .parse(parse(read('deploy/prometheus/rules.yml')))
  .groups.flatMap((group) => group.rules);
const alarms = rules.flatMap((rule) => ('alert' in rule ? [rule] : []));
const recorded = rules.flatMap((rule) => ('record' in rule ? [rule.record] : []));

/** Labels by the name of a series: those of the code, and what Prometheus adds. */
const series = new Map<string, readonly string[]>([['up', []]]);
for (const { name, type, labels } of metricCatalogue()) {
  if (type === 'histogram') {
    series.set(`${name}_bucket`, [...labels, 'le']);
    for (const suffix of ['_sum', '_count']) series.set(`${name}${suffix}`, labels);
  } else series.set(name, labels);
}
const labelsOfTargets = ['job', 'instance'];

/** What PromQL knows by itself, as far as the rules use it. */
const words =
  /^(?:sum|max|min|by|on|without|rate|increase|delta|deriv|absent|vector|histogram_quantile|min_over_time|and|or|unless)$/;

interface Expression {
  readonly names: readonly string[];
  readonly selectors: readonly { readonly name: string; readonly labels: ReadonlyMap<string, string> }[];
  readonly grouped: readonly string[];
}

/** A reading of PromQL that takes names, label matchers and groupings out of it; `promtool` checks the grammar. */
function readExpression(text: string): Expression {
  const selectors = [...text.matchAll(/([a-zA-Z_:][\w:]*)\{([^}]*)\}/g)].map(
    ([, name = '', matchers = '']) => ({
      name,
      labels: new Map(
        [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g)].map(([, label = '', value = '']) => [
          label,
          value,
        ]),
      ),
    }),
  );
  const grouped = [...text.matchAll(/\b(?:by|on|without)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(',').map((label) => label.trim()),
  );
  const bare = text
    .replace(/\{[^}]*\}/g, '')
    .replace(/\[[^\]]*\]/g, '')
    .replace(/\b(?:by|on|without)\s*\([^)]*\)/g, '');
  const names = [...bare.matchAll(/[a-zA-Z_:][\w:]*/g)]
    .map(([name]) => name)
    .filter((name) => !words.test(name));
  return { names: [...new Set(names)], selectors, grouped };
}

/** Recorded series carry the labels that stand before the first colon; `firebreak:` has none. */
function labelsOf(name: string): readonly string[] | undefined {
  if (!name.includes(':')) return series.get(name);
  if (!recorded.includes(name)) return undefined;
  const [level = ''] = name.split(':');
  return level === 'firebreak' ? [] : level.split('_');
}

describe('the reader of expressions', () => {
  test('finds names, matchers and groupings', () => {
    expect(readExpression('sum by (a, b) (rate(x_total{c=~"d|e"}[5m])) / y:z > 0 or absent(w)')).toEqual({
      names: ['x_total', 'y:z', 'w'],
      selectors: [{ name: 'x_total', labels: new Map([['c', 'd|e']]) }],
      grouped: ['a', 'b'],
    });
  });
});

describe('deploy/prometheus/rules.yml', () => {
  test('every metric is told by a service, or recorded by a rule', () => {
    expect(alarms.length).toBeGreaterThan(20);
    const unknown = rules.flatMap(({ expr }) =>
      readExpression(expr).names.filter((name) => labelsOf(name) === undefined),
    );
    expect(unknown).toEqual([]);
  });

  test('every consumer group is missed when nobody tells of it', () => {
    const gone = alarms.find(({ alert }) => alert === 'FirebreakGroupGone');
    const missed = [...(gone?.expr ?? '').matchAll(/group="([^"]+)"/g)].map(([, group]) => group);
    expect(missed.sort()).toEqual([analyseGroup, classifyGroup, correlateGroup, recordGroup].sort());
  });

  test('every label is one of its metric', () => {
    const strange = rules.flatMap(({ expr }) => {
      const { names, selectors, grouped } = readExpression(expr);
      const all = new Set([...names.flatMap((name) => labelsOf(name) ?? []), ...labelsOfTargets]);
      return [
        ...selectors.flatMap(({ name, labels }) =>
          [...labels.keys()].filter(
            (label) => ![...(labelsOf(name) ?? []), ...labelsOfTargets].includes(label),
          ),
        ),
        ...grouped.filter((label) => !all.has(label)),
      ].map((label) => `${expr}: ${label}`);
    });
    expect(strange).toEqual([]);
  });

  test('every value of a label that a contract names is one of it', () => {
    const known: Readonly<Record<string, readonly string[]>> = {
      code: Object.keys(errorDefinitions),
      end: decisionRecordSchema.shape.end.options,
      kind: Object.keys(logEventLevels),
      'firebreak_ingest_reports:status': reportStatusSchema.options,
    };
    const checked = rules.flatMap(({ expr }) =>
      readExpression(expr).selectors.flatMap(({ name, labels }) =>
        [...labels].flatMap(([label, value]) => {
          const options =
            known[label] ?? known[`${/firebreak_\w+(?=:|_total)/.exec(name)?.[0] ?? ''}:${label}`];
          return options === undefined
            ? []
            : value.split('|').map((each) => ({ each, isKnown: options.includes(each) }));
        }),
      ),
    );
    expect(checked.length).toBeGreaterThan(8);
    expect(checked.filter(({ isKnown }) => !isKnown)).toEqual([]);
  });

  test('a recorded series keeps the labels that its name says', () => {
    for (const rule of rules)
      if ('record' in rule)
        expect(readExpression(rule.expr).grouped.filter((label) => label !== 'le')).toEqual(
          labelsOf(rule.record),
        );
  });
});

describe(page, () => {
  const sections = new Map(
    read(page)
      .split(/^### /m)
      .slice(1)
      .map((text) => [text.slice(0, text.indexOf('\n')), text] as const),
  );

  test('has a section for every alarm, and no other; each alarm links to its own', () => {
    expect([...sections.keys()]).toEqual(alarms.map(({ alert }) => alert));
    for (const { alert, annotations } of alarms)
      expect(annotations.runbook).toBe(`${page}#${alert.toLowerCase()}`);
  });

  test('each section says what it means, whom it hurts, how to look, what to do and what not', () => {
    for (const text of sections.values())
      for (const part of ['**Means.**', '**Affected.**', '**Look.**', '**Do.**', '**Not.**'])
        expect(text).toContain(part);
  });

  test('every metric that a page of operation names is there', () => {
    const pages = projectFiles().filter((path) => path.startsWith('docs/operate/'));
    const named = pages.flatMap((path) =>
      [...read(path).matchAll(/[a-z_]*:?\b(?:firebreak|nodejs|process)[_:][a-z0-9_:]+\b/g)].map(
        ([name]) => name,
      ),
    );
    const roles = /^firebreak_(?:config|tenant|writer|shared|samples|log)$/;
    expect(named.length).toBeGreaterThan(20);
    const isKnown = (name: string) =>
      labelsOf(name) !== undefined || series.has(`${name}_bucket`) || roles.test(name);
    expect(named.filter((name) => !isKnown(name))).toEqual([]);
  });
});

describe('the list of metrics', () => {
  test('is whole: nothing declares a metric but the files of events that it reads', () => {
    const declaring = projectFiles().filter(
      (path) =>
        /^(?:platform|services|engine|classifiers)\/.*\.ts$/.test(path) &&
        /\bmetrics\s*\.\s*(?:counter|gauge|histogram)\(/.test(read(path)),
    );
    expect(declaring.length).toBeGreaterThan(5);
    const catalogue = read('scripts/metric-catalogue.ts');
    expect(declaring.filter((path) => !catalogue.includes(`'../${path}'`))).toEqual([]);
  });

  test('says what each one is, under a name that tells its service', () => {
    for (const { name, type, help, service } of metricCatalogue()) {
      expect(help.length).toBeGreaterThan(10);
      if (!name.startsWith('firebreak_')) continue;
      if (service !== 'process') expect(name).toMatch(new RegExp(`^firebreak_${service}_`));
      expect(name.endsWith('_total')).toBe(type === 'counter');
    }
  });
});
