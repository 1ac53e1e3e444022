import type { Classifier, ClassifierInput } from '../../classifiers/classifier.ts';
import { reportSchema } from '../../contracts/report.ts';

const common = {
  id: '00000000-0000-4000-8000-000000000000',
  '@timestamp': '2026-01-01T00:00:00.000Z',
  detectionSource: 'firebreak',
  localAction: 'allowed',
} as const;

/** One ordinary report of each kind that classifiers look at. */
const inputs: readonly ClassifierInput[] = [
  {
    artifact: { kind: 'file', hash: { sha256: '0'.repeat(64) } },
    file: { name: 'setup.exe', size: 1 },
    firebreak: { pe: { header: { machine: 332 } } },
  },
  {
    artifact: { kind: 'command-line', text: 'cmd.exe /c dir C:\\Windows' },
    process: { executable: 'C:\\Windows\\System32\\cmd.exe', command_line: 'cmd.exe /c dir' },
  },
  { artifact: { kind: 'domain', value: 'www.example.org' } },
  { artifact: { kind: 'url', value: 'https://www.example.org/index.html' } },
  { artifact: { kind: 'script', text: 'Get-ChildItem -Path C:\\Windows | Select-Object Name' } },
].map((report) => ({ report: reportSchema.parse({ ...common, ...report }), evidence: 'content' }));

const rounds = 20;

/**
 * Lets a classifier answer before it is asked: the first inference allocates, and code that never ran is slow, which
 * would make the first report after a start miss its deadline.
 */
export async function warmUp(classifier: Classifier): Promise<void> {
  const accepted = inputs.filter(({ report }) => classifier.profile.accepts.includes(report.artifact.kind));
  for (let round = 0; round < rounds; round += 1) await classifier.score(accepted);
}
