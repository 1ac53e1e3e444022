import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { groupBy } from '../../contracts/group-by.ts';
import { tactics } from '../../contracts/score.ts';
import { tacticOf, techniquesOf } from '../../classifiers/rules/rule-evidence.ts';
import { readRules } from '../../classifiers/rules/sigma/read-rules.ts';
import type { SigmaRule } from '../../classifiers/rules/sigma/rule.ts';

const folder = fileURLToPath(new URL('../../classifiers/rules/rules/', import.meta.url));

function builtInRules(): readonly SigmaRule[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yml'))
    .sort()
    .flatMap((file) => readRules(file, readFileSync(`${folder}/${file}`, 'utf8')).rules);
}

function techniqueTable(rules: readonly SigmaRule[]): string {
  const pairs = rules.flatMap((rule) => techniquesOf(rule).map((technique) => ({ technique, rule })));
  const rows = [...groupBy(pairs, ({ technique }) => technique)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([technique, found]) => {
      const titles = found.map(({ rule }) => `${rule.title} (${rule.level})`);
      return `| ${technique} | ${titles.join('; ')} |`;
    });
  return ['| technique | rules |', '| --- | --- |', ...rows].join('\n');
}

/** The page of the rules that come with the service, by the technique of ATT&CK that they are about. */
export function ruleCoverage(): string {
  const rules = builtInRules();
  const sections = tactics.map((tactic) => {
    const members = rules.filter((rule) => tacticOf(rule) === tactic);
    return `## ${tactic}\n\n${members.length} rules.\n\n${techniqueTable(members)}\n`;
  });
  return `# Rules

The ${rules.length} rules that come with the service, by the techniques of MITRE ATT&CK that they name. A technique without a row has no
rule; one with a row is seen in the forms that its rules describe. High and critical block inside of the organization,
critical may cross organizations where the text alone shows it, medium and low support other findings
([card](../../classifiers/rules/card.md)).

${sections.join('\n')}`;
}
