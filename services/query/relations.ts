import { artifactKeySchema, type ArtifactKey } from '../../contracts/artifact.ts';
import { canonicalDomain, canonicalIp, canonicalUrl, sha256Hex } from '../../contracts/canonical.ts';
import type { Report } from '../../contracts/report.ts';

/** Another artifact that a report names beside its own. */
export interface Relation {
  readonly relation: 'process-image' | 'parent-image' | 'signer' | 'origin' | 'destination' | 'url';
  readonly key: ArtifactKey;
}

/** @returns what stood around the artifact when it was reported */
export function relationsOf(report: Report): readonly Relation[] {
  const { process, file, destination, url } = report;
  return [
    relation('process-image', 'file:sha256:', process?.hash?.sha256),
    relation('parent-image', 'file:sha256:', process?.parent?.hash?.sha256),
    relation('signer', 'certificate:sha256:', file?.code_signature?.thumbprint_sha256),
    relation('origin', 'url:sha256:', urlDigest(file?.origin_url)),
    relation('destination', 'domain:', destination?.domain && canonicalDomain(destination.domain)),
    relation('destination', 'ip:', destination?.ip && canonicalIp(destination.ip)),
    relation('url', 'url:sha256:', urlDigest(url?.full)),
  ].filter((found) => found !== null);
}

function relation(
  name: Relation['relation'],
  prefix: string,
  form: string | null | undefined,
): Relation | null {
  if (!form) return null;
  const key = artifactKeySchema.safeParse(prefix + form);
  return key.success ? { relation: name, key: key.data } : null;
}

function urlDigest(text: string | undefined): string | null {
  const form = text === undefined ? null : canonicalUrl(text);
  return form === null ? null : sha256Hex(form);
}
