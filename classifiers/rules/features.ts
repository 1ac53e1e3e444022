import type { EcsEvent, EcsProcess } from '../../contracts/ecs.ts';
import type { Report } from '../../contracts/report.ts';
import { canonicalScript } from '../../contracts/canonical.ts';
import { commandText, expandProfile, inlineScript, programOf } from './command-text.ts';
import { destinationFields, fileFields, libraryFields, parentFields, processFields } from './field-map.ts';
import { ancestorsOf, processTable, resolve, type ProcessTable } from './process-table.ts';
import { registryFacts } from './registry-facts.ts';
import type { FieldValue, SigmaEvent } from './sigma/event.ts';

/** An event made of the artifact's own content, and the fields that this content settles. */
export interface ContentEvent {
  readonly event: SigmaEvent;
  readonly settled: ReadonlySet<string>;
}

export interface RuleFeatures {
  /** Events of the artifact's own text: empty where the artifact is no text or its text is cut. */
  readonly content: readonly ContentEvent[];
  /** Everything that the report tells, content included. */
  readonly observed: readonly SigmaEvent[];
  /** When each of `observed` happened: epoch milliseconds, the report's own time where an entry tells none. */
  readonly timesMs: readonly number[];
  /** Of `observed`, what ancestors of the reported process did: no fault of the artifact, by itself. */
  readonly byAncestors: ReadonlySet<SigmaEvent>;
}

type Fields = Record<string, FieldValue>;
type Process = Omit<EcsProcess, 'parent'>;
/**
 * Makes the Sigma events of one report: its own process with its parent, the artifact's text, the file that it is about,
 * and each entry of `events` with the process that acted. Pure.
 */
export function extractRuleFeatures(report: Report): RuleFeatures {
  const table = processTable(report);
  const observed: SigmaEvent[] = [];
  const timesMs: number[] = [];
  const byAncestors = new Set<SigmaEvent>();
  const ancestors = ancestorsOf(report, table);
  const add = (events: readonly SigmaEvent[], time: string): void => {
    for (const event of events) {
      observed.push(event);
      timesMs.push(Date.parse(time));
    }
  };
  add(artifactEvents(report, table), report['@timestamp']);
  for (const event of report.events ?? []) {
    const made = observedEvents(event, table);
    add(made, event['@timestamp'] ?? report['@timestamp']);
    if (ancestors.has(event.process?.entity_id ?? '')) for (const each of made) byAncestors.add(each);
  }
  return { content: contentEvents(report), observed, timesMs, byAncestors };
}

/** Events of the text alone. A command line is read in its canonical form, because that is what its key stands for. */
function contentEvents(report: Report): readonly ContentEvent[] {
  const { kind, text } = report.artifact;
  if (text === undefined || report.artifact.truncated === true) return [];
  if (kind === 'script') return [scriptEvent(canonicalScript(text))];
  if (kind !== 'command-line') return [];
  const commandLine = commandText(text);
  const program = programOf(commandLine);
  const fields = { CommandLine: commandLine, ...(program === undefined ? {} : { Image: program.image }) };
  const settled = new Set(program?.settled === true ? ['CommandLine', 'Image'] : ['CommandLine']);
  const event = { product: 'windows', categories: ['process_creation'], fields };
  const script = inlineScript(commandLine);
  return [{ event, settled }, ...(script === undefined ? [] : [scriptEvent(script)])];
}

function scriptEvent(text: string): ContentEvent {
  return {
    event: { product: 'windows', categories: ['ps_script', 'script'], fields: { ScriptBlockText: text } },
    settled: new Set(['ScriptBlockText']),
  };
}

function artifactEvents(report: Report, table: ProcessTable): readonly SigmaEvent[] {
  const process = resolve(report.process, table);
  const { kind, text } = report.artifact;
  const own = process === undefined ? [] : processEvents(process, table);
  const acting = actor(process, table);
  switch (kind) {
    case 'command-line':
      return text === undefined ? own : commandLineEvents(text, process, table);
    case 'script':
      return text === undefined ? own : [...own, observedScript(text, report, acting)];
    case 'file':
      return report.file?.path === undefined
        ? own
        : [...own, windowsEvent(['file_event'], acting, pick(fileFields, report.file))];
    case 'domain':
    case 'ip':
    case 'url':
    case 'certificate':
      return own;
  }
}

/** The command line's own process where the report tells of it, else what its text tells, beside the reported process. */
function commandLineEvents(
  text: string,
  process: EcsProcess | undefined,
  table: ProcessTable,
): readonly SigmaEvent[] {
  const same = process?.command_line === undefined || commandText(process.command_line) === commandText(text);
  const subject: EcsProcess = same ? { ...process, command_line: text } : { command_line: text };
  const executable = subject.executable ?? programOf(expandProfile(text))?.image;
  const events = [processEvent(executable === undefined ? subject : { ...subject, executable }, table)];
  if (!same && process !== undefined) events.push(processEvent(process, table));
  const script = inlineScript(text);
  return script === undefined ? events : [...events, scriptEvent(script).event];
}

const otherScripts = /\.(?:js|jse|vbs|vbe|wsf|wsh|hta|bat|cmd|py|sh|php|pl|rb|sct)$/iu;

function observedScript(text: string, report: Report, acting: Fields): SigmaEvent {
  const path = report.file?.path ?? report.file?.name;
  const categories = path !== undefined && otherScripts.test(path) ? ['script'] : ['ps_script', 'script'];
  return windowsEvent(categories, acting, {
    ScriptBlockText: canonicalScript(text),
    ...(path === undefined ? {} : { Path: path }),
  });
}

function observedEvents(event: EcsEvent, table: ProcessTable): readonly SigmaEvent[] {
  const process = resolve(event.process, table);
  const categories: readonly string[] = event.event?.category ?? [];
  const types = event.event?.type ?? [];
  const acting = actor(process, table, event);
  const target = event.firebreak?.target?.process.entity_id;
  if (target !== undefined) return [injectionEvent(event, process, table.get(target)?.process)];
  if (event.registry !== undefined) {
    const { category, fields } = registryFacts(event.registry, types);
    return [windowsEvent([category, 'registry_event'], acting, fields)];
  }
  if (event.dns?.question?.name !== undefined)
    return [windowsEvent(['dns_query'], acting, { QueryName: event.dns.question.name })];
  if (event.url?.full !== undefined) return urlEvents(event.url.full, acting);
  if (event.destination !== undefined) {
    return [
      windowsEvent(['network_connection'], acting, {
        ...pick(destinationFields, event.destination),
        Initiated: 'true',
      }),
    ];
  }
  const library = event.dll ?? (categories.includes('driver') ? event.file : undefined);
  if (library !== undefined) {
    const category = categories.includes('driver') ? 'driver_load' : 'image_load';
    return [
      windowsEvent([category], acting, { ...pick(libraryFields, library), ...hashField(library.hash) }),
    ];
  }
  if (event.file?.path !== undefined)
    return [windowsEvent([fileCategory(event)], acting, pick(fileFields, event.file))];
  const started = types.length === 0 || types.includes('start') || types.includes('info');
  return process !== undefined && started ? processEvents(process, table) : [];
}

function processEvents(process: EcsProcess, table: ProcessTable): readonly SigmaEvent[] {
  const script = process.command_line === undefined ? undefined : inlineScript(process.command_line);
  const event = processEvent(process, table);
  return script === undefined ? [event] : [event, scriptEvent(script).event];
}

function processEvent(process: EcsProcess, table: ProcessTable): SigmaEvent {
  const parent = resolve(process.parent, table);
  const grandparent = resolve(parent?.parent, table);
  const fields = {
    ...actor(process, table),
    ...(parent === undefined ? {} : pick(parentFields, parent)),
    ...guidField('ParentProcessGuid', parent, table),
    ...userField('ParentUser', parent?.user),
    ...(grandparent?.executable === undefined ? {} : { GrandParentImage: grandparent.executable }),
    ...hashField(process.hash, process.pe?.imphash),
  };
  const product = process.executable?.startsWith('/') === true ? 'linux' : 'windows';
  return { product, categories: ['process_creation'], fields: expandAll(fields) };
}

function actor(process: Process | undefined, table: ProcessTable, event?: EcsEvent): Fields {
  if (process === undefined) return {};
  return {
    ...pick(processFields, process),
    ...guidField('ProcessGuid', process, table),
    ...userField('User', process.user ?? event?.user),
  };
}

function guidField(name: string, process: Process | undefined, table: ProcessTable): Fields {
  const guid = process?.entity_id === undefined ? undefined : table.get(process.entity_id)?.guid;
  return guid === undefined ? {} : { [name]: guid };
}

function injectionEvent(
  event: EcsEvent,
  source: EcsProcess | undefined,
  target: EcsProcess | undefined,
): SigmaEvent {
  const accessed = event.event?.action?.toLowerCase().includes('access') === true;
  const fields: Fields = {};
  if (source?.executable !== undefined) fields['SourceImage'] = source.executable;
  if (source?.command_line !== undefined) fields['SourceCommandLine'] = source.command_line;
  if (target?.executable !== undefined) fields['TargetImage'] = target.executable;
  return windowsEvent([accessed ? 'process_access' : 'create_remote_thread'], {}, fields);
}

function fileCategory(event: EcsEvent): string {
  const types = event.event?.type ?? [];
  if (event.event?.action?.toLowerCase().includes('rename') === true) return 'file_rename';
  if (types.includes('deletion')) return 'file_delete';
  if (types.includes('access')) return 'file_access';
  return 'file_event';
}

function urlEvents(url: string, acting: Fields): readonly SigmaEvent[] {
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  return [
    { product: 'windows', categories: ['proxy'], fields: { ...acting, 'c-uri': url, 'cs-host': host } },
  ];
}

function windowsEvent(categories: readonly string[], acting: Fields, fields: Fields): SigmaEvent {
  return { product: 'windows', categories, fields: expandAll({ ...acting, ...fields }) };
}

/** @param fields changed in place */
function expandAll(fields: Fields): Fields {
  for (const name in fields) {
    const value = fields[name];
    if (typeof value === 'string') fields[name] = expandProfile(value);
  }
  return fields;
}

function userField(name: string, user: Process['user']): Fields {
  if (user?.name === undefined) return {};
  return { [name]: user.domain === undefined ? user.name : `${user.domain}\\${user.name}` };
}

function hashField(hash: Process['hash'], imphash?: string): Fields {
  if (hash === undefined && imphash === undefined) return {};
  const parts = Object.entries({ SHA1: hash?.sha1, MD5: hash?.md5, SHA256: hash?.sha256, IMPHASH: imphash });
  const known = parts.flatMap(([name, digest]) =>
    digest === undefined ? [] : `${name}=${digest.toUpperCase()}`,
  );
  return known.length === 0 ? {} : { Hashes: known.join(',') };
}

/** Copies what a field table names out of one part of an event; absent values stay absent. */
function pick(table: Readonly<Record<string, readonly string[]>>, part: object): Fields {
  const fields: Fields = {};
  for (const name in table) {
    let value: unknown = part;
    for (const key of table[name] ?? []) value = isObject(value) ? value[key] : undefined;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      fields[name] = value;
  }
  return fields;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
