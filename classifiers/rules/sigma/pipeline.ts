import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { FieldValue, SigmaEvent } from './event.ts';

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const names = z.record(z.string(), z.string());
/** Fulfilled where each field has one of its values, without regard to case. */
const condition = z.record(z.string(), z.array(scalar).min(1));

/** How events of one kind of log become events of Sigma's taxonomy: data, in `pipelines/`. */
const pipelineSchema = z.strictObject({
  name: z.string(),
  about: z.string(),
  /** An event that has one of these fields with another value is not of this log. */
  identity: condition.exactOptional(),
  product: z.string().exactOptional(),
  service: z.string().exactOptional(),
  /** What stands before the names of an event's own fields. */
  prefixes: z.array(z.string()),
  /** Sigma's name by the log's; rules may use the log's name as well. */
  fields: names,
  /** Log sources: an event belongs to all whose condition it fulfils. */
  sources: z.array(
    z.strictObject({
      when: condition,
      /** A field that must be there. */
      has: z.string().exactOptional(),
      product: z.string().exactOptional(),
      categories: z.array(z.string()).exactOptional(),
      service: z.string().exactOptional(),
      /** Names that mean this in events of this source alone. */
      fields: names.exactOptional(),
      /** Sigma's value by the log's, by Sigma's field. */
      values: z.record(z.string(), names).exactOptional(),
    }),
  ),
});
export type Pipeline = z.output<typeof pipelineSchema>;

export const pipelineNames = ['sigma', 'sysmon', 'security', 'windows', 'ecs'] as const;
export type PipelineName = (typeof pipelineNames)[number];

/** Reads one of the pipelines that come with the engine. */
export function readPipeline(name: PipelineName): Pipeline {
  const url = new URL(`./pipelines/${name}.json`, import.meta.url);
  return pipelineSchema.parse(JSON.parse(readFileSync(url, 'utf8')));
}

/** Names under which rules may ask for the fields of these logs, rule → event. */
export function fieldAliasesOf(pipelines: readonly Pipeline[]): Readonly<Record<string, string>> {
  return Object.assign({}, ...pipelines.map(({ fields }) => fields)) as Record<string, string>;
}

/**
 * Turns a record of a log, flat or nested, into an event: the first pipeline that knows its source decides, else the
 * first that does not exclude it, else it is an event of no log source. Fields keep their own names beside those of Sigma.
 */
export function toSigmaEvent(
  record: Readonly<Record<string, unknown>>,
  pipelines: readonly Pipeline[],
): SigmaEvent {
  const flat = new Map<string, FieldValue>();
  flatten(record, '', flat);
  let plain: SigmaEvent | undefined;
  for (const pipeline of pipelines) {
    const fields = renamed(flat, pipeline);
    if (!isOf(pipeline, fields)) continue;
    const event = placed(fields, pipeline);
    if (event.categories.length > 0 || event.service !== pipeline.service) return event;
    plain ??= event;
  }
  return plain ?? { product: '', categories: [], fields: Object.fromEntries(flat) };
}

type Fields = Record<string, FieldValue>;

const maximalDepth = 8;

function flatten(record: object, prefix: string, into: Map<string, FieldValue>, depth = 0): void {
  for (const [name, value] of Object.entries(record) as [string, unknown][]) {
    if (isFieldValue(value)) into.set(prefix + name, value);
    else if (Array.isArray(value)) into.set(prefix + name, value.flatMap(textOf));
    else if (typeof value === 'object' && value !== null && depth < maximalDepth)
      flatten(value, `${prefix}${name}.`, into, depth + 1);
  }
}

const isFieldValue = (value: unknown): value is string | number | boolean | null =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value);

const textOf = (value: unknown): readonly string[] =>
  isFieldValue(value) && value !== null ? [String(value)] : [];

function renamed(flat: ReadonlyMap<string, FieldValue>, { prefixes, fields }: Pipeline): Fields {
  const event: Fields = {};
  for (const [path, value] of flat) {
    const prefix = prefixes.find((each) => path.startsWith(each)) ?? '';
    event[path.slice(prefix.length)] = value;
  }
  for (const [from, to] of Object.entries(fields)) {
    const value = event[from];
    if (value !== undefined) event[to] ??= value;
  }
  return event;
}

function isOf({ identity = {} }: Pipeline, fields: Fields): boolean {
  return Object.entries(identity).every(
    ([name, values]) => fields[name] === undefined || hasOne(fields[name], values),
  );
}

function hasOne(value: FieldValue | undefined, values: readonly (string | number | boolean)[]): boolean {
  if (value === undefined || value === null) return false;
  const texts = typeof value === 'object' ? value : [String(value)];
  return texts.some((text) => values.some((each) => String(each).toLowerCase() === text.toLowerCase()));
}

function placed(fields: Fields, pipeline: Pipeline): SigmaEvent {
  const sources = pipeline.sources.filter(
    ({ when, has }) =>
      (has === undefined || fields[has] !== undefined) &&
      Object.entries(when).every(([name, values]) => hasOne(fields[name], values)),
  );
  const own: Fields = { ...fields };
  for (const { fields: local = {}, values = {} } of sources) {
    for (const [from, to] of Object.entries(local)) own[to] = fields[from] ?? own[to] ?? null;
    for (const [name, meanings] of Object.entries(values))
      own[name] = meanings[String(own[name])] ?? own[name] ?? null;
  }
  const stated = pipeline.name === 'sigma' ? fields : {};
  const service =
    textIn(stated['service']) ??
    sources.find((source) => source.service !== undefined)?.service ??
    pipeline.service;
  const category = textIn(stated['category']);
  return {
    product:
      textIn(stated['product']) ??
      sources.find((source) => source.product !== undefined)?.product ??
      pipeline.product ??
      '',
    categories: [
      ...(category === undefined ? [] : [category]),
      ...new Set(sources.flatMap(({ categories = [] }) => categories)),
    ],
    ...(service !== undefined && { service }),
    fields: own,
  };
}

const textIn = (value: FieldValue | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;
