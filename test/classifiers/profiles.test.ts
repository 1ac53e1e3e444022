import { expect, test } from '@jest/globals';
import { readProfiles } from '../../classifiers/profiles.ts';
import { loadClassifiers } from '../../classifiers/registry.ts';
import { loadModel } from '../../platform/onnx/model.ts';

test('profiles without models are those of the loaded classifiers, but for the digest of the rules', async () => {
  const { classifiers } = await loadClassifiers({
    openModel: loadModel,
    ruleFolders: [],
    simulatedRuleFolders: [],
  });
  const loaded = classifiers.map(({ profile }) => ({
    ...profile,
    version: profile.version.replace(/\+.*$/, ''),
  }));
  expect(await readProfiles()).toEqual(loaded);
  for (const classifier of classifiers) await classifier.close();
});
