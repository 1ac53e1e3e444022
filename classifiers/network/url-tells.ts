import { isIP } from 'node:net';

/** What the rest of a URL says beside its host, in log-odds. */
export interface UrlTell {
  readonly code: string;
  readonly title: string;
  readonly logOdds: number;
}

interface Tell extends UrlTell {
  readonly holds: (url: URL, labels: readonly string[]) => boolean;
}

const program = /\.(?:exe|scr|pif|com|cpl|dll|msi|hta|ps1|vbs|vbe|jse|wsf|lnk|iso|img|jar|bat|cmd)$/i;
const disguised =
  /\.(?:pdf|docx?|xlsx?|jpe?g|png|txt|mp4|zip)\.(?:exe|scr|pif|com|hta|ps1|vbs|jse?|lnk|bat|cmd)$/i;
const commonSuffixes = new Set(['com', 'net', 'org', 'gov', 'edu']);

/** No public table tells the paths of hostile URLs here: these weights are set by judgement, low, and bounded together. */
const tells: readonly Tell[] = [
  {
    ...{ code: 'address-host', title: 'The host is a bare address.', logOdds: 0.6 },
    holds: ({ hostname }) => isIP(hostname.replace(/^\[|\]$/g, '')) !== 0,
  },
  {
    ...{ code: 'disguised-program', title: 'The path names a program disguised as a document.', logOdds: 1 },
    holds: ({ pathname }) => disguised.test(pathname),
  },
  {
    ...{ code: 'program', title: 'The path names a program or a script.', logOdds: 0.4 },
    holds: ({ pathname }) => program.test(pathname),
  },
  {
    ...{ code: 'port', title: 'The port is an unusual one.', logOdds: 0.3 },
    holds: ({ port }) => port !== '' && port !== '8080' && port !== '8443',
  },
  {
    ...{
      code: 'borrowed-name',
      title: 'The host carries the name of another domain in front.',
      logOdds: 0.7,
    },
    holds: (_, labels) => labels.slice(1, -2).some((label) => commonSuffixes.has(label)),
  },
];

/** The most that they add together: with a host that says nothing they stay far below any threshold. */
export const mostUrlLogOdds = 1.5;

/** @param url canonical form @returns what holds of it */
export function urlTells(url: string): readonly UrlTell[] {
  const parsed = new URL(url);
  const labels = parsed.hostname.split('.');
  return tells
    .filter(({ holds }) => holds(parsed, labels))
    .map(({ code, title, logOdds }) => ({ code, title, logOdds }));
}
