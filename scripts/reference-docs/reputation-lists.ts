import { maximalListBytes, maximalListFiles } from '../../classifiers/network/lists.ts';
import { leastPrefix, listHeadSchema } from '../../classifiers/network/parse-list.ts';

/** The page about the format of reputation lists. */
export function reputationLists(): string {
  const rows = Object.entries(listHeadSchema.shape).map(
    ([name, { description = '' }]) => `| \`${name}\` | ${description} |`,
  );
  const head = ['| line of the head | means |', '| --- | --- |', ...rows].join('\n');
  return `# Reputation lists

The \`network\` classifier reads lists of domains, addresses and URLs from the folders of \`FIREBREAK_REPUTATION_DIRS\`: every
file below them whose name ends in \`.list\`. What they name is suspicious. It is never blocked for that alone, at no block
level: list and shape of a name support what other evidence says ([reasons](reasons.md), step \`support\` of a decision). To
block a name of your own choice, override its verdict. The service comes without lists.

\`\`\`
# source: feed of our own incident team
# licence: CC0-1.0
# date: 2026-01-15
# expires: 2026-02-15

evil.example.com            # and every name below it
198.41.0.4                  # an address of IPv4 or IPv6
2001:500:200::/48           # a network
https://files.example.net/invoice.pdf.exe
\`\`\`

${head}

All four are needed, before the first entry. A list without them, or with one that cannot be read, is left out as a whole.

An entry a line; a \`#\` after white space begins a comment. A domain stands for itself and every name below it, whatever the
letters' case; international names may be written either way. A URL stands for exactly itself, without user name and fragment.
A network is at least a /${leastPrefix[32]} of IPv4 or a /${leastPrefix[128]} of IPv6.

A line that cannot be used is logged with file, line and reason and stops no other. So is one that strangers share: a public
suffix, a zone of dynamic DNS, a cloud or content network (name the customer's name below it), and special ranges of addresses,
which no public host has.

A changed file is in force about ten seconds later, without a restart; a folder that cannot be read leaves the lists as they
were. \`firebreak_classify_lists\` tells how many are in force, expired, and how many lines cannot be used. The version of the
classifier in scores carries a digest of the lists. At most ${maximalListFiles} files of ${maximalListBytes / 1_048_576} MiB each are read.
`;
}
