import { z } from 'zod';
import { errorDefinitions, problemSchema } from './errors.ts';
import { groupBy } from './group-by.ts';
import type { Access, Operation } from './operation.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** An OpenAPI 3.1 document, as far as it is built here. */
export interface OpenApiDocument {
  readonly openapi: '3.1.1';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly JsonObject[];
  readonly paths: { readonly [path: string]: { readonly [method: string]: JsonObject } };
  readonly components: {
    readonly schemas: JsonObject;
    readonly responses: JsonObject;
    readonly securitySchemes: JsonObject;
  };
}

const description = [
  'A suspicious artifact seen on one device becomes a block on every other before the attack can spread.',
  'Fields marked `x-firebreak-leaves: shared` may reach other organizations, `tenant` ones other devices of the same',
  'organization; a field without a mark goes no further than to who sent it and to the people of the organization.',
].join('\n');

const securitySchemes = {
  operator: bearer('The operator, `fbo_…` or what FIREBREAK_OPERATOR_TOKEN holds.'),
  enrollment: bearer('An enrolment key, `fbe_…`.'),
  device: bearer('A device credential, `fbd_…`.'),
  person: bearer('A person or service of an organization, `fbu_…`; the role stands at each operation.'),
};

function bearer(text: string): JsonObject {
  return { type: 'http', scheme: 'bearer', description: text };
}

/**
 * Builds the OpenAPI document from the operations. Schemas stand as what one sends (`input`), so that answers too allow
 * the keys that later versions add.
 * @param version of the service
 */
export function buildOpenApi(operations: readonly Operation[], version: string): OpenApiDocument {
  const schemas = new Schemas();
  const byPath = groupBy(operations, ({ path }) => path);
  const paths = [...byPath].map(([path, members]) => {
    const byMethod = groupBy(members, ({ method }) => method.toLowerCase());
    return [
      path,
      Object.fromEntries([...byMethod].map(([method, same]) => [method, describe(same, schemas)])),
    ];
  });
  const responses = problemResponses(schemas);
  return {
    openapi: '3.1.1',
    info: { title: 'Firebreak', version, description },
    tags: [...new Set(operations.map(({ tag }) => tag))].map((name) => ({ name })),
    paths: Object.fromEntries(paths) as OpenApiDocument['paths'],
    components: { schemas: schemas.components(), responses, securitySchemes },
  };
}

/** JSON Schemas by the ids of their zod counterparts. */
class Schemas {
  readonly #components = new Map<string, JsonObject>();

  /** @returns the schema with references into the components */
  of(schema: z.ZodType): JsonObject {
    const whole = z.toJSONSchema(schema, {
      io: 'input',
      target: 'draft-2020-12',
      unrepresentable: 'any',
      // A format says it better than the expression that checks it.
      override: ({ jsonSchema }) => {
        if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
      },
    });
    const {
      $schema: _dialect,
      $defs,
      ...root
    } = relocate(JSON.parse(JSON.stringify(whole)) as Json) as JsonObject;
    for (const [id, component] of Object.entries(($defs ?? {}) as JsonObject)) {
      this.#components.set(id, component as JsonObject);
    }
    return root;
  }

  /** @returns the properties of an object schema, and which of them are required */
  propertiesOf(schema: z.ZodType): { readonly properties: JsonObject; readonly required: readonly Json[] } {
    const json = this.of(schema);
    const id = typeof json['$ref'] === 'string' ? json['$ref'].slice(referencePrefix.length) : null;
    const { properties = {}, required = [] } = (id === null ? json : this.#components.get(id)) ?? {};
    return { properties: properties as JsonObject, required: required as readonly Json[] };
  }

  components(): JsonObject {
    return Object.fromEntries([...this.#components].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const referencePrefix = '#/components/schemas/';

function relocate(json: Json): Json {
  if (Array.isArray(json)) return (json as readonly Json[]).map(relocate);
  if (typeof json !== 'object' || json === null) return json;
  const entries = Object.entries(json).map(([key, value]): [string, Json] =>
    key === '$ref' && typeof value === 'string'
      ? [key, value.replace('#/$defs/', referencePrefix)]
      : [key, relocate(value)],
  );
  return Object.fromEntries(entries);
}

/** @param same operations of one method and path, told apart by who calls */
function describe(same: readonly Operation[], schemas: Schemas): JsonObject {
  const [first] = same;
  if (first === undefined) return {};
  const document = first.bodyDocument ?? first.body;
  return {
    operationId: first.id,
    tags: [first.tag],
    summary: same.map(({ summary }) => summary).join(' / '),
    description: same.map(({ access }) => whoMay(access)).join(' '),
    ...securityOf(same),
    parameters: parameters(first, schemas),
    ...(document && {
      requestBody: { required: true, content: jsonContent(document, schemas, first.examples?.body) },
    }),
    // OpenAPI 3.1 describes bytes by their media type alone.
    ...(first.takesBytes &&
      !document && { requestBody: { required: true, content: { [first.takesBytes]: {} } } }),
    responses: { ...answers(same, schemas), ...problems(first) },
  };
}

function whoMay(access: Access): string {
  return access.kind === 'person'
    ? `For people with the role ${access.role} or above.`
    : `For: ${access.kind}.`;
}

function securityOf(same: readonly Operation[]): JsonObject {
  const kinds = same.map(({ access: { kind } }) => kind).filter((kind) => kind !== 'public');
  return { security: kinds.map((kind) => ({ [kind]: [] })) };
}

function parameters(operation: Operation, schemas: Schemas): readonly JsonObject[] {
  return [
    ...parametersIn('path', operation.params, schemas),
    ...parametersIn('query', operation.query, schemas),
  ];
}

function parametersIn(
  place: 'path' | 'query',
  schema: z.ZodType | undefined,
  schemas: Schemas,
): readonly JsonObject[] {
  if (schema === undefined) return [];
  const { properties, required } = schemas.propertiesOf(schema);
  return Object.entries(properties).map(([name, parameter]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: parameter,
  }));
}

function answers(same: readonly Operation[], schemas: Schemas): JsonObject {
  const byStatus = groupBy(
    same.flatMap((operation) =>
      Object.entries(operation.answers).map(([status, answer]) => ({ status, answer, operation })),
    ),
    ({ status }) => status,
  );
  return Object.fromEntries(
    [...byStatus].map(([status, given]) => {
      const contents = given.map(({ answer: { schema, mediaTypes = ['application/json'] }, operation }) => {
        if (schema === undefined) return {};
        const content = jsonContent(schema, schemas, operation.examples?.answers?.[Number(status)]);
        return Object.fromEntries(mediaTypes.map((type) => [type, content['application/json'] ?? {}]));
      });
      const text = given.map(({ answer }) => answer.description).join(' / ');
      const content = contents.reduce(mergeContent, {});
      return [status, { description: text, ...(Object.keys(content).length > 0 && { content }) }];
    }),
  );
}

function mergeContent(merged: JsonObject, next: JsonObject): JsonObject {
  const both = Object.entries(next).map(([type, content]): [string, Json] => {
    const before = merged[type] as JsonObject | undefined;
    const { schema = {} } = content as JsonObject;
    return [type, before === undefined ? content : { schema: { anyOf: [before['schema'] ?? {}, schema] } }];
  });
  return { ...merged, ...Object.fromEntries(both) };
}

function jsonContent(schema: z.ZodType, schemas: Schemas, example: unknown): JsonObject {
  const shown = example === undefined ? {} : { example: example as Json };
  return { 'application/json': { schema: schemas.of(schema), ...shown } };
}

/** Every status of the error catalogue, once, with the codes that it comes with. */
function problemResponses(schemas: Schemas): JsonObject {
  const byStatus = groupBy(Object.entries(errorDefinitions), ([, { status }]) => status);
  const schema = schemas.of(problemSchema);
  return Object.fromEntries(
    [...byStatus].map(([status, errors]) => [
      `Problem${status}`,
      {
        description: errors.map(([code, { title }]) => `\`${code}\`: ${title}.`).join('\n\n'),
        content: { 'application/problem+json': { schema } },
      },
    ]),
  );
}

function problems({ access, params, query, body, takesBytes, path, answers: own }: Operation): JsonObject {
  const hasBody = body !== undefined || takesBytes !== undefined;
  const statuses = [
    ...(params || query || hasBody ? [400] : []),
    ...(access.kind === 'public' ? [] : [401, 403, 503]),
    ...(path.includes('{') ? [404] : []),
    ...(hasBody ? [413, 415] : []),
    429,
    500,
  ];
  return Object.fromEntries(
    statuses
      .filter((status) => own[status] === undefined)
      .map((status) => [String(status), { $ref: `#/components/responses/Problem${status}` }]),
  );
}
