import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { DecidedEntry, OwnEntry, Revocation } from '../../contracts/entry.ts';
import { toTimestamp, type EntryId, type Timestamp } from '../../contracts/ids.ts';
import type { StateChange } from './change.ts';
import { phaseOf, type Phase } from './phases.ts';

/** The fields that differ from entry to entry; a table packs them. */
export interface VaryingFields {
  readonly id: EntryId;
  readonly revision: number;
  readonly key: ArtifactKey;
  readonly decidedAtMs: number;
  /** NaN where there is none. */
  readonly expiresAtMs: number;
}

type Varying = 'id' | 'revision' | 'key' | 'decidedAt';
type FormFields =
  | {
      readonly event: 'decided';
      readonly fields: Omit<DecidedEntry, Varying | 'expiresAt' | 'reportId' | 'target'>;
    }
  | { readonly event: 'own'; readonly fields: Omit<OwnEntry, Varying | 'expiresAt'> }
  | { readonly event: 'revocation'; readonly fields: Omit<Revocation, Varying> };

/** The fields that thousands of entries have in common: held once, with their JSON ready. */
export interface EntryForm {
  readonly content: FormFields;
  readonly phase: Phase;
  /** The JSON of the fields, without the opening brace. */
  readonly tail: string;
}

/**
 * Splits a change into what varies and its form. What only the reporting device sees is left out.
 *
 * @throws RangeError on a date that does not exist or an id that is not in lower case: it would come back otherwise than it was put, and with another digest
 */
export function splitChange(change: StateChange): {
  readonly varying: VaryingFields;
  readonly content: FormFields;
} {
  const { id, revision, key, decidedAt } = change.data;
  if (id !== id.toLowerCase()) throw new RangeError(`The id ${id} is not in lower case.`);
  const expiresAt = change.event === 'entry' ? change.data.expiresAt : null;
  const varying = {
    id,
    revision,
    key,
    decidedAtMs: exactMs(decidedAt),
    expiresAtMs: expiresAt === null ? Number.NaN : exactMs(expiresAt),
  };
  return { varying, content: contentOf(change) };
}

function exactMs(timestamp: Timestamp): number {
  const epochMs = Date.parse(timestamp);
  if (Number.isNaN(epochMs) || !isOwnText(timestamp, epochMs))
    throw new RangeError(`There is no such time as ${timestamp}.`);
  return epochMs;
}

const ordinaryYear = /^\d{4}-\d\d-(\d\d)T\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Without making the text again, which costs most: in this form, what the calendar does not have comes out as another day. */
function isOwnText(timestamp: Timestamp, epochMs: number): boolean {
  const date = new Date(epochMs);
  const day = ordinaryYear.exec(timestamp)?.[1];
  return day === undefined ? date.toISOString() === timestamp : date.getUTCDate() === Number(day);
}

function contentOf(change: StateChange): FormFields {
  if (change.event === 'revocation') {
    const { id: _id, revision: _revision, key: _key, decidedAt: _decidedAt, ...fields } = change.data;
    return { event: 'revocation', fields };
  }
  if (change.data.source === 'own') {
    const { id: _id, revision: _r, key: _key, decidedAt: _at, expiresAt: _until, ...fields } = change.data;
    return { event: 'own', fields };
  }
  const {
    id: _id,
    revision: _r,
    key: _key,
    decidedAt: _at,
    expiresAt: _until,
    reportId: _report,
    target: _target,
    ...fields
  } = change.data;
  return { event: 'decided', fields };
}

export function joinChange(varying: VaryingFields, { content }: EntryForm): StateChange {
  const common = {
    id: varying.id,
    revision: varying.revision,
    key: varying.key,
    decidedAt: toTimestamp(varying.decidedAtMs),
  };
  switch (content.event) {
    case 'revocation':
      return { event: 'revocation', data: { ...common, ...content.fields } };
    case 'own': {
      const expiresAt = Number.isNaN(varying.expiresAtMs) ? null : toTimestamp(varying.expiresAtMs);
      return { event: 'entry', data: { ...common, expiresAt, ...content.fields } };
    }
    case 'decided':
      return {
        event: 'entry',
        data: { ...common, expiresAt: toTimestamp(varying.expiresAtMs), ...content.fields },
      };
  }
}

/** @returns the JSON of the entry or revocation, as `JSON.stringify(joinChange(…).data)` but for the order of keys */
export function changeJson(varying: VaryingFields, form: EntryForm): string {
  const expiresAt =
    form.content.event === 'revocation' ? '' : `"expiresAt":${timeJson(varying.expiresAtMs)},`;
  return (
    `{"id":"${varying.id}","revision":${varying.revision},"key":${JSON.stringify(varying.key)},` +
    `"decidedAt":${timeJson(varying.decidedAtMs)},${expiresAt}${form.tail}`
  );
}

function timeJson(epochMs: number): string {
  return Number.isNaN(epochMs) ? 'null' : `"${new Date(epochMs).toISOString()}"`;
}

const formsKept = 10_000;

/** Gives equal contents the same form. Forgets all when it holds many: forms in use stay alive where they are used. */
export class EntryForms {
  readonly #forms = new Map<string, EntryForm>();

  of(change: StateChange, content: FormFields): EntryForm {
    const tail = JSON.stringify(content.fields).slice(1);
    const name = `${content.event} ${tail}`;
    const held = this.#forms.get(name);
    if (held !== undefined) return held;
    if (this.#forms.size >= formsKept) this.#forms.clear();
    const form = { content, phase: phaseOf(change), tail };
    this.#forms.set(name, form);
    return form;
  }
}
