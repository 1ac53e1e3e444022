import { describe, expect, test } from '@jest/globals';
import type { Operation } from '../../contracts/operation.ts';
import { buildOpenApi, type Json, type JsonObject } from '../../contracts/openapi.ts';
import { allOperations } from '../../contracts/operations/all.ts';

const document = buildOpenApi(allOperations, '0.1.0');
const plain = JSON.parse(JSON.stringify(document)) as JsonObject;

function walk(json: Json, visit: (value: JsonObject) => void): void {
  if (Array.isArray(json)) json.forEach((item: Json) => walk(item, visit));
  else if (typeof json === 'object' && json !== null) {
    const object = json as JsonObject;
    visit(object);
    Object.values(object).forEach((value) => walk(value, visit));
  }
}

function resolve(reference: string): Json | undefined {
  return reference
    .slice(2)
    .split('/')
    .reduce<Json | undefined>((at, part) => (at as JsonObject | undefined)?.[part], plain);
}

describe('the OpenAPI document', () => {
  test('every reference leads somewhere', () => {
    const references: string[] = [];
    walk(plain, (value) => {
      if (typeof value['$ref'] === 'string') references.push(value['$ref']);
    });
    expect(references.length).toBeGreaterThan(20);
    expect(references.filter((reference) => resolve(reference) === undefined)).toEqual([]);
  });

  test('every parameter of a path is declared, and no other', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const operation of Object.values(methods)) {
        const declared = (operation['parameters'] as readonly JsonObject[])
          .filter((parameter) => parameter['in'] === 'path')
          .map((parameter) => parameter['name']);
        expect(declared).toEqual([...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name));
      }
    }
  });

  test('operation ids are unique and every operation stands in it', () => {
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((operation) => operation['operationId']),
    );
    expect(new Set(ids).size).toBe(ids.length);
    const firstOfEach = allOperations.filter(
      ({ method, path }, index) =>
        allOperations.findIndex((one) => one.method === method && one.path === path) === index,
    );
    expect(ids.sort()).toEqual(firstOfEach.map(({ id }) => id).sort());
  });

  test('security names the schemes that are declared', () => {
    const schemes = Object.keys(document.components.securitySchemes);
    walk(plain['paths'] ?? null, (value) => {
      const security = value['security'];
      if (!Array.isArray(security)) return;
      for (const requirement of security as readonly JsonObject[]) {
        expect(schemes).toEqual(expect.arrayContaining(Object.keys(requirement)));
      }
    });
    const { get } = document.paths['/health/live'] ?? {};
    expect(get?.['security']).toEqual([]);
  });

  test('operations of one path and method are one, for both callers', () => {
    const [first] = allOperations.filter(({ id }) => id === 'getReportOutcome');
    if (first === undefined) throw new Error('getReportOutcome is gone');
    const second: Operation = {
      ...first,
      id: 'getReport',
      summary: 'A report',
      access: { kind: 'person', role: 'viewer' },
    };
    const { get } = buildOpenApi([first, second], '1').paths['/v1/reports/{id}'] ?? {};
    expect(get?.['security']).toEqual([{ device: [] }, { person: [] }]);
  });

  test('a mark that says how far a field may go is kept', () => {
    const text = JSON.stringify(plain);
    expect(document.info.description).toContain('x-firebreak-leaves');
    const leaves = (entry: Json | undefined) =>
      Object.entries((entry as JsonObject)['properties'] as Record<string, JsonObject>).map(
        ([name, field]) => [name, field['x-firebreak-leaves'] ?? 'never'],
      );
    const [decided, own] = (document.components.schemas['Entry'] as JsonObject)['oneOf'] as JsonObject[];
    const unshared = leaves(decided).filter(([, how]) => how !== 'shared');
    expect(unshared).toEqual([
      ['reportId', 'never'],
      ['target', 'never'],
    ]);
    expect(new Set(leaves(own).map(([, how]) => how))).toEqual(new Set(['tenant']));
    expect(text).not.toContain('#/$defs/');
  });

  test.each(allOperations.filter(({ examples }) => examples !== undefined))(
    'the examples of $id fit its schemas',
    ({ examples, bodyDocument, body, answers }) => {
      if (examples?.body !== undefined) (bodyDocument ?? body)?.parse(examples.body);
      for (const [status, example] of Object.entries(examples?.answers ?? {})) {
        expect(answers[Number(status)]?.schema?.parse(example)).toEqual(example);
      }
    },
  );
});
