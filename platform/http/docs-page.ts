import type { Json, JsonObject, OpenApiDocument } from '../../contracts/openapi.ts';

/**
 * Renders the OpenAPI document as one page of HTML for people: no script, nothing from elsewhere, so that it works
 * offline and under the strictest content security policy (`contentSecurityPolicy`).
 */
export function docsPage(document: OpenApiDocument): string {
  const { info, tags, paths, components } = document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const sections = tags.map(({ name }) => {
    const members = operations.filter(({ operation }) => list(operation['tags']).includes(name ?? null));
    return `<h2>${text(name)}</h2>${members.map(operationHtml).join('')}`;
  });
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) => `<h3 id="${text(name)}">${text(name)}</h3>${codeHtml(schema)}`,
  );
  const responses = Object.values(components.responses).map(
    (response) => `<p class="codes">${text(object(response)['description']).replaceAll('\n\n', '<br>')}</p>`,
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${text(info.title)}</title>
<meta name="viewport" content="width=device-width"><style>${style}</style></head><body><main>
<h1>${text(info.title)} <small>${text(info.version)}</small></h1><p>${text(info.description)}</p>
<p>The same for programs: <a href="/openapi.json">openapi.json</a></p>
${sections.join('\n')}<h2>problems</h2>${responses.join('')}<h2>schemas</h2>${schemas.join('')}</main></body></html>`;
}

const style = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0}main{max-width:60rem;margin:auto;padding:1rem}
h2{margin-top:2.5rem;border-bottom:1px solid #8888}h3{margin:1.5rem 0 0}summary{cursor:pointer;padding:.3rem 0}
summary b{display:inline-block;min-width:4.5rem}pre{overflow:auto;background:#8881;padding:.7rem;font-size:.85rem}
details>div{padding-left:1.2rem}table{border-collapse:collapse}td{padding:.15rem .8rem .15rem 0;vertical-align:top}.codes{font-size:.9rem}`;

/** Nothing but the page's own style. */
export const contentSecurityPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

interface Shown {
  readonly path: string;
  readonly method: string;
  readonly operation: JsonObject;
}

function operationHtml({ path, method, operation }: Shown): string {
  const body = object(operation['requestBody'])['content'];
  const parameters = list(operation['parameters']).map(object).map(parameterHtml).join('');
  const answers = Object.entries(object(operation['responses'])).map(([status, answer]) =>
    answerHtml(status, object(answer)),
  );
  return `<details id="${text(operation['operationId'])}"><summary><b>${method.toUpperCase()}</b> <code>${text(path)}</code>
 ${text(operation['summary'])}</summary><div><p>${text(operation['description'])}</p>
${parameters && `<h4>Parameters</h4><table>${parameters}</table>`}
${body === undefined ? '' : `<h4>Body</h4>${contentHtml(object(body))}`}
<h4>Answers</h4>${answers.join('')}</div></details>`;
}

function parameterHtml(parameter: JsonObject): string {
  const { name = '', in: place = '', required = false, schema = {} } = parameter;
  const { description = '' } = object(schema);
  return `<tr><td><code>${text(name)}</code></td><td>${text(place)}${required ? ', required' : ''}</td><td>${text(description)} ${schemaHtml(schema)}</td></tr>`;
}

function answerHtml(status: string, answer: JsonObject): string {
  if (answer['$ref'] !== undefined) return `<p><b>${text(status)}</b> a problem document</p>`;
  return `<p><b>${text(status)}</b> ${text(answer['description'])}</p>${contentHtml(object(answer['content']))}`;
}

function contentHtml(content: JsonObject): string {
  return Object.entries(content)
    .map(([type, value]) => {
      const { schema = {}, example } = object(value);
      const shown = example === undefined ? '' : `<p>For example</p>${codeHtml(example)}`;
      return `<p><code>${text(type)}</code> ${schemaHtml(schema)}</p>${shown}`;
    })
    .join('');
}

function schemaHtml(schema: Json): string {
  const reference = object(schema)['$ref'];
  if (typeof reference !== 'string') return codeHtml(schema);
  const name = reference.slice(reference.lastIndexOf('/') + 1);
  return `<a href="#${text(name)}">${text(name)}</a>`;
}

function codeHtml(json: Json): string {
  return `<pre>${text(JSON.stringify(json, null, 2))}</pre>`;
}

function object(json: Json | undefined): JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as JsonObject) : {};
}

function list(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? (json as readonly Json[]) : [];
}

function text(value: Json | undefined): string {
  const plain = typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
  return plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
