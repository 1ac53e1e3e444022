import type { Artifact } from '../../contracts/artifact.ts';
import { canonicalDomain, canonicalIp, canonicalUrl } from '../../contracts/canonical.ts';
import { judgedName, unjudgedReason, type JudgedName } from './host-name.ts';

/** A domain, address or URL in canonical form. */
export interface Destination {
  readonly kind: 'domain' | 'ip' | 'url';
  readonly value: string;
  /** Domain or address of it. */
  readonly host: string;
  readonly name: JudgedName | undefined;
  /** Why there is no name to judge. */
  readonly silence: string;
}

const nothingListed = 'Of addresses only reputation lists tell, and none in force names this one.';

/** @returns undefined where the artifact is none of the three kinds or has no canonical form */
export function destinationOf({ kind, value = '' }: Artifact): Destination | undefined {
  if (kind === 'ip') {
    const host = canonicalIp(value);
    return host === null ? undefined : { kind, value: host, host, name: undefined, silence: nothingListed };
  }
  if (kind === 'domain') {
    const host = canonicalDomain(value);
    return host === null ? undefined : { kind, value: host, host, ...nameOf(host) };
  }
  const url = kind === 'url' ? canonicalUrl(value) : null;
  if (url === null) return undefined;
  const { hostname } = new URL(url);
  const address = canonicalIp(hostname.replace(/^\[|\]$/g, ''));
  if (address !== null)
    return { kind: 'url', value: url, host: address, name: undefined, silence: nothingListed };
  const host = canonicalDomain(hostname);
  return host === null ? undefined : { kind: 'url', value: url, host, ...nameOf(host) };
}

function nameOf(host: string): Pick<Destination, 'name' | 'silence'> {
  const name = judgedName(host);
  return typeof name === 'string'
    ? { name: undefined, silence: unjudgedReason(name) }
    : { name, silence: '' };
}
