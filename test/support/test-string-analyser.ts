import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { ContentAnalyser } from '../../classifiers/content/analyser.ts';

/**
 * The EICAR test file: 68 bytes that every scanner takes for harmful by agreement, followed by nothing but white space.
 * Written in two parts, so that no scanner takes this source for it. https://www.eicar.org/download-anti-malware-testfile/
 */
const testString = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', '-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('');
const longestBytes = 128;

/** Recognizes the EICAR test file, and has nothing to say of anything else. */
export function createTestStringAnalyser(profile: ClassifierProfile): ContentAnalyser {
  return {
    profile,
    analyse: async (bytes) => {
      const text = bytes.length <= longestBytes ? Buffer.from(bytes).toString('latin1') : '';
      if (text.trimEnd() !== testString)
        return { outcome: 'abstained', reason: 'It is not the EICAR test file.' };
      const evidence = [
        { code: 'eicar', title: 'EICAR test file', content: true, level: 'critical' },
      ] as const;
      return { outcome: 'score', probability: 0.999, contentProbability: 0.999, evidence };
    },
    close: () => Promise.resolve(),
  };
}
