import type { Report } from '../../contracts/report.ts';
import { destinationOf } from '../../classifiers/network/destination.ts';
import {
  extractFeatures,
  FEATURE_SCHEMA_VERSION,
  SHAPE,
  TRIGRAM_ROWS,
  type NameFeatures,
} from '../../classifiers/network/features.ts';
import { judgedName } from '../../classifiers/network/host-name.ts';
import { readNames } from '../to-reports/domains.ts';
import { compoundNames } from '../synthetic-names/compounds.ts';
import { syntheticFamilies } from '../synthetic-names/families.ts';
import { languages, readWords } from '../synthetic-names/words.ts';

const perFamily = 60;
const perLanguage = 150;

/** Rows for the training of `network`: words of languages, names of invented algorithms, names of the tables. */
export async function emitNetwork(folder: string, write: (record: object) => void): Promise<void> {
  write({
    featureSchemaVersion: FEATURE_SCHEMA_VERSION,
    trigramRows: TRIGRAM_ROWS,
    shape: SHAPE,
  });
  const vocabulary: Record<string, readonly string[]> = {};
  for (const language of languages) {
    const words = await readWords(language);
    vocabulary[language] = words;
    words.forEach((word, rank) => {
      const { trigrams } = extractFeatures({ label: word, suffix: '', under: 'registry' });
      write({ source: 'words', family: language, rank, trigrams });
    });
  }
  for (const { name: family, kind, domains } of syntheticFamilies(vocabulary, perFamily)) {
    for (const domain of domains) {
      const name = judgedName(domain);
      if (typeof name === 'string') continue;
      write({ source: 'synthetic', family, kind, label: 1, item: domain, ...extractFeatures(name) });
    }
  }
  for (const { language, domain } of compoundNames(vocabulary, perLanguage)) {
    const name = judgedName(domain);
    if (typeof name === 'string') continue;
    write({ source: 'compounds', family: language, label: 0, item: domain, ...extractFeatures(name) });
  }
  for await (const { source, family, label, name } of readNames(folder))
    write({ source, family, label, item: `${name.label}.${name.suffix}`, ...extractFeatures(name) });
}

/**
 * @returns features of the name that a report is about
 * @throws TypeError where its shape says nothing: a golden report is one that is scored
 */
export function networkFeatures({ id, artifact }: Report): NameFeatures {
  const name = destinationOf(artifact)?.name;
  if (name === undefined) throw new TypeError(`The report ${id} has no name whose shape is judged`);
  return extractFeatures(name);
}
