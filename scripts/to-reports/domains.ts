import { join } from 'node:path';
import { canonicalDomain } from '../../contracts/canonical.ts';
import { judgedName, type JudgedName } from '../../classifiers/network/host-name.ts';
import { readCsv } from './rows.ts';

/** A name of the tables whose shape is judged, and where it is from. */
export interface LabelledName {
  readonly source: string;
  /** Of hostile names: the malware; of benign ones empty. */
  readonly family: string;
  readonly label: 0 | 1;
  readonly host: string;
  readonly name: JudgedName;
}

/** Lists of hosts that harmless programs and people ask for. What else the table holds is shared by friend and foe. */
const benignLists = new Set([
  ...[
    'university_domains',
    'bank-website',
    'covid-19-cyber-threat-coalition-whitelist',
    'google',
    'crl-hostname',
  ],
  ...['security-provider-blogpost', 'url-shortener', 'whats-my-ip', 'microsoft', 'microsoft-office365'],
  ...['microsoft-win10-connection-endpoints', 'automated-malware-analysis'],
]);

const tables = {
  popular: 'benign_popular_tranco_majestic.csv.gz',
  context: 'context_lists_misp.csv.gz',
  families: 'dga_netlab_alexa_sample.csv.gz',
} as const;

/**
 * Reads the tables of `domains/` that tell of shapes; names whose shape says nothing are left out. Most domains of the table
 * of malware are of other people, broken into: their shape is that of harmless names.
 */
export async function* readNames(folder: string): AsyncGenerator<LabelledName> {
  for (const [table, file] of Object.entries(tables)) {
    for await (const row of readCsv(join(folder, 'domains', file))) {
      const about = describe(table as keyof typeof tables, row);
      if (about === null) continue;
      const host = canonicalDomain(about.value.replace(/^\./, ''));
      const name = host === null ? 'public-suffix' : judgedName(host);
      if (host === null || typeof name === 'string') continue;
      const { source, family, label } = about;
      yield { source, family, label, host, name };
    }
  }
}

type About = Pick<LabelledName, 'source' | 'family' | 'label'> & { readonly value: string };

function describe(table: keyof typeof tables, row: Readonly<Record<string, string>>): About | null {
  const { domain = '', label, family = '', list = '', lists = '', value = '' } = row;
  switch (table) {
    case 'popular': {
      const [source = ''] = lists.split('|');
      return label === '0' ? { source, family: '', label: 0, value: domain } : null;
    }
    case 'context':
      return benignLists.has(list) ? { source: list, family: '', label: 0, value } : null;
    case 'families':
      return label === '1'
        ? { source: 'netlab', family, label: 1, value: domain }
        : { source: 'alexa', family: '', label: 0, value: domain };
  }
}
