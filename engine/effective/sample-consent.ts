import type { Policy } from '../../contracts/policy.ts';

/** What of a file its report tells that bears on consent. */
export interface SampleSubject {
  readonly name: string | null;
  /** The report has the facts of a Windows executable. */
  readonly isExecutable: boolean;
}

/** File types that rarely carry personal data: programs, and the batch files that Defender counts among them. */
const safeExtensions = new Set(['bat', 'cmd', 'com', 'cpl', 'dll', 'drv', 'exe', 'ocx', 'scr', 'sys']);

/**
 * Whether a file may be sent under a policy: `all` any, `never` none, `safe` programs alone, `prompt` what a person at
 * the device agreed to, which the agent asks before it sends.
 */
export function mayBeSent(
  { sampleConsent }: Pick<Policy, 'sampleConsent'>,
  { name, isExecutable }: SampleSubject,
): boolean {
  switch (sampleConsent) {
    case 'all':
    case 'prompt':
      return true;
    case 'never':
      return false;
    case 'safe':
      return isExecutable || safeExtensions.has(extensionOf(name ?? ''));
  }
}

function extensionOf(name: string): string {
  // Windows drops blanks and dots at the end of a name.
  return /\.([^.\\/]*)$/.exec(name.replace(/[ .]+$/, ''))?.[1]?.toLowerCase() ?? '';
}
