import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge,
  Histogram,
  Registry,
  type GaugeConfiguration,
  type HistogramConfiguration,
} from 'prom-client';
import { Tally } from './tally.ts';

export type { Gauge, Histogram } from 'prom-client';

/** Cheap to count with: the client library, which takes a microsecond and more, is told when the page is read. */
export interface Counter<Label extends string = never> {
  /** @param by 1 unless told */
  inc(
    ...args: [Label] extends [never] ? [by?: number] : [labels: Readonly<Record<Label, string>>, by?: number]
  ): void;
}

/** Seconds, from a known artifact's answer to the longest held request. */
export const latencyBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const;

interface Described {
  /** `firebreak_<stage>_<what>_<unit>`, counters with `_total`. */
  readonly name: string;
  readonly help: string;
}

/** What the metrics page lists, for docs/reference/metrics.md. */
export interface MetricDescription extends Described {
  readonly type: string;
  readonly labels: readonly string[];
}

/** The metrics of one process. Nothing is registered by importing a module, and two instances in one process do not meet. */
export interface Metrics {
  counter<Label extends string = never>(description: Described, labels?: readonly Label[]): Counter<Label>;
  /** @param collect sets the value when the page is read, for what is cheaper to ask than to follow */
  gauge<Label extends string = never>(
    description: Described,
    options?: { readonly labels?: readonly Label[]; readonly collect?: (gauge: Gauge<Label>) => void },
  ): Gauge<Label>;
  histogram<Label extends string = never>(
    description: Described,
    options: { readonly labels?: readonly Label[]; readonly buckets: readonly number[] },
  ): Histogram<Label>;
  /** Adds memory, processor time and event loop delay of the process. */
  collectProcess(): void;
  /** @returns the page in the Prometheus text format */
  page(): Promise<{ readonly mediaType: string; readonly text: string }>;
  list(): readonly MetricDescription[];
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    counter: <Label extends string>(description: Described, labels: readonly Label[] = []) => {
      const tally = new Tally(labels);
      new PromCounter<Label>({
        ...description,
        labelNames: labels,
        registers,
        collect() {
          for (const { labels: values, sum } of tally.take()) this.inc(values, sum);
        },
      });
      return {
        inc: (...args) => {
          const [first, second] = args as [(Readonly<Record<Label, string>> | number)?, number?];
          if (typeof first === 'object') tally.add(first, second ?? 1);
          else tally.add({} as Record<Label, string>, first ?? 1);
        },
      };
    },
    gauge: (description, { labels = [], collect } = {}) => {
      type Label = (typeof labels)[number];
      const configuration: GaugeConfiguration<Label> = {
        ...description,
        labelNames: labels,
        registers,
        ...(collect && {
          collect() {
            collect(this);
          },
        }),
      };
      return new Gauge(configuration);
    },
    histogram: (description, { labels = [], buckets }) => {
      type Label = (typeof labels)[number];
      const configuration: HistogramConfiguration<Label> = {
        ...description,
        labelNames: labels,
        buckets: [...buckets],
        registers,
      };
      return new Histogram(configuration);
    },
    collectProcess: () => collectDefaultMetrics({ register: registry }),
    page: async () => ({ mediaType: registry.contentType, text: await registry.metrics() }),
    list: () =>
      registry.getMetricsAsArray().map((metric) => {
        const { name, help, type } = metric;
        return { name, help, type: String(type), labels: labelsOf(metric) };
      }),
  };
}

/** Every metric of the library has them; its types do not say so. */
function labelsOf(metric: object): readonly string[] {
  return 'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames.map(String) : [];
}
