import { parse } from 'tldts';
import { alternativeRoots, sharedZone } from './zones.ts';

/** The part of a host name that somebody chose, and what it hangs from. */
export interface JudgedName {
  /** One label in lower case: `example` of `www.example.co.uk`, `mallory` of `mallory.ddns.net`. */
  readonly label: string;
  readonly suffix: string;
  /** `registry`: below a public suffix; `dynamic`: below a zone where anybody takes any name; `alternative`: outside of the public root. */
  readonly under: 'registry' | 'dynamic' | 'alternative';
}

/** Why the shape of a name says nothing. */
export type Unjudged = 'public-suffix' | 'shared-platform' | 'private-name' | 'international';

const reasons: Readonly<Record<Unjudged, string>> = {
  'public-suffix': 'A public suffix belongs to everybody below it.',
  'shared-platform': 'Below a shared platform its machines give the names: their shape says nothing.',
  'private-name': 'The name is not one of the public internet.',
  international: 'The shape model reads names in ASCII letters only.',
};

/** @returns a sentence for the abstention */
export function unjudgedReason(why: Unjudged): string {
  return reasons[why];
}

/**
 * Finds the label whose shape is judged. Suffixes that strangers share are never judged by their own registrable part:
 * below dynamic DNS the customer's label counts, below clouds and content networks nothing does.
 *
 * @param host canonical form: lower-case A-labels without final dot
 */
export function judgedName(host: string): JudgedName | Unjudged {
  const zone = sharedZone(host);
  const name = zone === undefined ? bySuffixList(host) : belowZone(host, zone);
  if (typeof name === 'string') return name;
  return name.label.startsWith('xn--') ? 'international' : name;
}

function belowZone(
  host: string,
  { zone, kind }: NonNullable<ReturnType<typeof sharedZone>>,
): JudgedName | Unjudged {
  if (kind === 'assigned') return 'shared-platform';
  if (host === zone) return 'public-suffix';
  return { label: lastLabel(host.slice(0, -zone.length - 1)), suffix: zone, under: 'dynamic' };
}

function bySuffixList(host: string): JudgedName | Unjudged {
  const { domainWithoutSuffix, publicSuffix, isIcann, isPrivate } = parse(host, {
    allowPrivateDomains: true,
    extractHostname: false,
    validateHostname: false,
  });
  if (isPrivate === true) return 'shared-platform';
  if (isIcann !== true) return byAlternativeRoot(host);
  if (publicSuffix === 'arpa' || publicSuffix?.endsWith('.arpa') === true) return 'private-name';
  if (publicSuffix == null || domainWithoutSuffix == null || domainWithoutSuffix === '')
    return 'public-suffix';
  return { label: domainWithoutSuffix, suffix: publicSuffix, under: 'registry' };
}

function byAlternativeRoot(host: string): JudgedName | Unjudged {
  const root = lastLabel(host);
  if (!alternativeRoots.has(root) || root === host) return 'private-name';
  return { label: lastLabel(host.slice(0, -root.length - 1)), suffix: root, under: 'alternative' };
}

function lastLabel(host: string): string {
  return host.slice(host.lastIndexOf('.') + 1);
}
