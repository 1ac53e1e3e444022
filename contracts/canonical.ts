import { hash } from 'node:crypto';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { artifactKeySchema, type Artifact, type ArtifactKey } from './artifact.ts';
import type { ArtifactKind, EvidenceKind, Reach } from './domain.ts';
import { FirebreakError } from './errors.ts';
import type { DecisionId, DeviceId, EntryId, ReportId, TenantId, Timestamp } from './ids.ts';

/** What the service makes of an artifact: its key, whether the service computed the digest itself, and the canonical text. */
export interface IdentifiedArtifact {
  readonly key: ArtifactKey;
  readonly evidence: EvidenceKind;
}

/** @returns lower-case hexadecimal SHA-256 of the text as UTF-8, or of the bytes */
export function sha256Hex(input: string | Uint8Array): string {
  return hash('sha256', input, 'hex');
}

/**
 * Canonical form 1 of a Windows command line, so that the same command typed with other spacing is the same artifact:
 * outer white space goes, inner runs become one blank (inside double quotes too: no program tells them apart reliably),
 * a user profile folder becomes `%USERPROFILE%`, the program is lower-cased and loses quotes that it does not need; the
 * arguments keep their case.
 */
export function canonicalCommandLine(commandLine: string): string {
  const squeezed = commandLine
    .replace(/[\s\u0000]+/gu, ' ')
    .trim()
    .replace(/\b[a-z]:\\users\\(?!public\\|default\\|all users\\)[^\\"' ]+(?=\\)/giu, '%USERPROFILE%');
  // Anything else that begins with a quote is no program in quotes: taken out of them it would be another text next time.
  const quoted = /^"([^"]*[^" ][^"]*)"((?: .*)?)$/u.exec(squeezed);
  const [program = '', rest = ''] = quoted ? [quoted[1], quoted[2]] : splitOnce(squeezed);
  const name = program.trim().toLowerCase().replace('%userprofile%', '%USERPROFILE%');
  // Quotes stay where they are needed: without them another program would be meant.
  return ((name.includes(' ') ? `"${name}"` : name) + rest).trimEnd();
}

function splitOnce(text: string): readonly [string, string] {
  const blank = text.indexOf(' ');
  return blank < 0 ? [text, ''] : [text.slice(0, blank), text.slice(blank)];
}

/** @returns the text without byte order mark, otherwise untouched: what a script's digest is computed over */
export function canonicalScript(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

/** @returns the A-label form in lower case without final dot, or null when it is no domain name */
export function canonicalDomain(value: string): string | null {
  const ascii = domainToASCII(value.trim().replace(/\.$/, '')).toLowerCase();
  const labels = ascii.split('.');
  const valid =
    ascii.length > 0 &&
    ascii.length <= 253 &&
    isIP(ascii) === 0 &&
    labels.every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(label));
  return valid ? ascii : null;
}

/** @returns the RFC 5952 text of an IPv4 or IPv6 address (IPv4-mapped ones as IPv4), or null */
export function canonicalIp(value: string): string | null {
  const text = value.trim();
  if (isIP(text) === 4) return text;
  if (isIP(text) !== 6 || text.includes('%')) return null;
  // The WHATWG host serializer is RFC 5952 but for the dotted form of mapped addresses.
  const compressed = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(compressed);
  if (!mapped) return compressed;
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** @returns the WHATWG serialization without userinfo and fragment, or null when it is no absolute http, https, ftp, ws or wss URL */
export function canonicalUrl(value: string): string | null {
  if (!URL.canParse(value)) return null;
  const url = new URL(value);
  if (!/^(?:https?|ftp|wss?):$/.test(url.protocol) || url.hostname === '') return null;
  url.username = '';
  url.password = '';
  url.hash = '';
  return url.href;
}

/**
 * Computes the artifact key and who vouches for it.
 * @throws FirebreakError FB_ARTIFACT_UNIDENTIFIED when nothing identifies it, FB_HASH_MISMATCH when text and digest differ
 */
export function identifyArtifact(artifact: Artifact): IdentifiedArtifact {
  switch (artifact.kind) {
    case 'file':
      return { key: fileKey(artifact), evidence: 'testimony' };
    case 'certificate':
      return { key: digestKey('certificate', artifact), evidence: 'testimony' };
    case 'script':
      return identifyText('script', artifact, canonicalScript);
    case 'command-line':
      return identifyText('command-line', artifact, canonicalCommandLine);
    case 'domain':
      return identifyValue(artifact, canonicalDomain, (form) => `domain:${form}`);
    case 'ip':
      return identifyValue(artifact, canonicalIp, (form) => `ip:${form}`);
    case 'url':
      return identifyValue(artifact, canonicalUrl, (form) => `url:sha256:${sha256Hex(form)}`);
  }
}

function unidentified(artifact: Artifact, wants: string): FirebreakError {
  return new FirebreakError(
    'FB_ARTIFACT_UNIDENTIFIED',
    `${artifact.kind === 'ip' ? 'An' : 'A'} ${artifact.kind} is identified by ${wants}.`,
    {
      errors: [{ pointer: '/artifact', detail: `Send ${wants}.` }],
    },
  );
}

function fileKey(artifact: Artifact): ArtifactKey {
  const { sha256, sha1, md5 } = artifact.hash ?? {};
  if (sha256) return artifactKeySchema.parse(`file:sha256:${sha256}`);
  if (sha1) return artifactKeySchema.parse(`file:sha1:${sha1}`);
  if (md5) return artifactKeySchema.parse(`file:md5:${md5}`);
  throw unidentified(artifact, '`hash` with sha256, sha1 or md5');
}

function digestKey(kind: ArtifactKind, artifact: Artifact): ArtifactKey {
  const sha256 = artifact.hash?.sha256;
  if (!sha256) throw unidentified(artifact, '`hash.sha256`');
  return artifactKeySchema.parse(`${kind}:sha256:${sha256}`);
}

function identifyText(
  kind: 'script' | 'command-line',
  artifact: Artifact,
  canonical: (text: string) => string,
): IdentifiedArtifact {
  if (artifact.text === undefined || artifact.truncated)
    return { key: digestKey(kind, artifact), evidence: 'testimony' };
  const form = canonical(artifact.text);
  if (form === '') throw unidentified(artifact, '`text` that is not empty');
  const digest = sha256Hex(form);
  if (artifact.hash?.sha256 !== undefined && artifact.hash.sha256 !== digest) {
    throw new FirebreakError('FB_HASH_MISMATCH', `The canonical ${kind} text has the SHA-256 ${digest}.`, {
      errors: [{ pointer: '/artifact/hash/sha256', detail: 'Not the digest of the canonical text.' }],
    });
  }
  return { key: artifactKeySchema.parse(`${kind}:sha256:${digest}`), evidence: 'content' };
}

function identifyValue(
  artifact: Artifact,
  canonical: (value: string) => string | null,
  key: (form: string) => string,
): IdentifiedArtifact {
  const form = artifact.value === undefined ? null : canonical(artifact.value);
  if (form === null) throw unidentified(artifact, `\`value\`, a valid ${artifact.kind}`);
  return { key: artifactKeySchema.parse(key(form)), evidence: 'content' };
}

/** @returns the key in the spelling of reports, or null when the value is none of its kind */
function canonicalKey(text: string): string | null {
  const value = text.slice(text.indexOf(':') + 1);
  const form = text.startsWith('domain:')
    ? canonicalDomain(value)
    : text.startsWith('ip:')
      ? canonicalIp(value)
      : value;
  return form === null ? null : text.slice(0, -value.length) + form;
}

/**
 * An artifact key as somebody names it who did not compute it: `domain:Example.ORG.` and `ip:2001:DB8::1` become the keys
 * that reports have. Taken as they stand they would meet none, and a block on them would block nothing.
 */
export const namedArtifactKeySchema = z
  .string()
  .max(300)
  .transform((text, context): ArtifactKey => {
    const key = artifactKeySchema.safeParse(canonicalKey(text.toLowerCase()));
    if (key.success) return key.data;
    context.addIssue('an artifact key such as file:sha256:…, domain:example.org or ip:192.0.2.1');
    return z.NEVER;
  });

/** @returns the kind of an artifact key */
export function kindOfKey(key: ArtifactKey): ArtifactKind {
  return key.slice(0, key.indexOf(':')) as ArtifactKind;
}

/** Files known by a weaker digest than SHA-256 never leave their tenant. */
export function mayLeaveTenant(key: ArtifactKey): boolean {
  return !key.startsWith('file:sha1:') && !key.startsWith('file:md5:');
}

/** Who an entry is for: nobody in particular, a tenant, or one device of a tenant. */
export interface Subject {
  readonly tenantId: TenantId | null;
  readonly deviceId: DeviceId | null;
}

/** @returns `ecosystem`, the tenant's id, or the tenant's and the device's joined by a slash */
export function subjectKey(subject: Subject): string {
  if (subject.tenantId === null) return 'ecosystem';
  return subject.deviceId === null ? subject.tenantId : `${subject.tenantId}/${subject.deviceId}`;
}

/** The id of the verdict on an artifact for a subject: a UUIDv8 out of SHA-256, the same wherever and whenever it is computed. */
export function entryId(key: ArtifactKey, reach: Reach, subject: Subject): EntryId {
  return uuidOf(`entry\n${key}\n${reach}\n${subjectKey(subject)}`) as EntryId;
}

/** What makes a report unique: its id and time on its device. */
export interface ReportRef {
  readonly deviceId: DeviceId;
  readonly reportId: ReportId;
  readonly reportedAt: Timestamp;
}

/** @param trigger `report`, `score:<classifier>@<version>`, or `finding:<id>`: what made the correlator decide */
export function decisionId(ref: ReportRef, trigger: string, reach: Reach): DecisionId {
  const { deviceId, reportId, reportedAt } = ref;
  return uuidOf(`decision\n${deviceId}\n${reportId}\n${reportedAt}\n${trigger}\n${reach}`) as DecisionId;
}

/** @returns a UUIDv8 (RFC 9562 section 5.8) whose bits are the first of the SHA-256 of the name */
export function uuidOf(name: string): string {
  const hex = sha256Hex(name);
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
