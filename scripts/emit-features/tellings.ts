import type { Ancestor, ObservedProcess } from '../../classifiers/behavior/process-context.ts';

type Telling = (process: ObservedProcess) => ObservedProcess;

const nameOf = (path: string | undefined) => path?.slice(path.lastIndexOf('\\') + 1);
const parentOf = ({ lineage }: ObservedProcess): readonly Ancestor[] => lineage.slice(0, 1);
const withoutLine = ({ executable }: Ancestor): Ancestor => ({ executable, commandLine: undefined });
const byName = ({ executable, commandLine }: Ancestor): Ancestor => ({
  executable: nameOf(executable),
  commandLine,
});

/** How much sensors tell of where one and the same process came from, all of it first. */
export const tellings = {
  whole: (process) => process,
  lineagePaths: (process) => ({ ...process, lineage: process.lineage.map(withoutLine) }),
  parentPath: (process) => ({ ...process, lineage: parentOf(process).map(withoutLine) }),
  parent: (process) => ({ ...process, lineage: parentOf(process) }),
  parentName: (process) => ({ ...process, lineage: parentOf(process).map(byName).map(withoutLine) }),
  parentNameAndLine: (process) => ({ ...process, lineage: parentOf(process).map(byName) }),
  names: (process) => ({
    ...process,
    executable: nameOf(process.executable),
    lineage: parentOf(process).map(byName).map(withoutLine),
  }),
  parentOfUnknownImage: (process) => ({ ...process, executable: undefined, lineage: parentOf(process) }),
  image: (process) => ({ ...process, lineage: [] }),
  imageName: (process) => ({ ...process, executable: nameOf(process.executable), lineage: [] }),
} as const satisfies Readonly<Record<string, Telling>>;
