import { describe, expect, test } from '@jest/globals';
import { registryFacts } from '../../../classifiers/rules/registry-facts.ts';

const run = { hive: 'HKEY_LOCAL_MACHINE', key: 'SOFTWARE\\Run', value: 'x' };

describe('a registry event', () => {
  test.each([
    ['HKEY_LOCAL_MACHINE', 'HKLM'],
    ['HKEY_CURRENT_USER', 'HKCU'],
    ['hkey_users', 'HKU'],
    ['HKEY_CLASSES_ROOT', 'HKCR'],
    ['HKEY_CURRENT_CONFIG', 'HKCC'],
    ['HKLM', 'HKLM'],
  ])('names the hive %s as %s', (hive, short) => {
    const { fields } = registryFacts({ hive, key: 'A', value: 'b' }, []);
    expect(fields['TargetObject']).toBe(`${short}\\A\\b`);
  });

  test('takes the whole path where it is told', () => {
    const { fields } = registryFacts({ path: 'HKEY_CURRENT_USER\\A\\b', key: 'other' }, []);
    expect(fields['TargetObject']).toBe('HKCU\\A\\b');
  });

  test.each([
    ['REG_DWORD', '1', 'DWORD (0x00000001)'],
    ['REG_QWORD', '255', 'QWORD (0x00000000000000ff)'],
    ['REG_DWORD', '0x10', 'DWORD (0x00000010)'],
    ['REG_DWORD', 'odd', 'odd'],
    ['REG_SZ', '1', '1'],
  ])('shows %s %s as %s', (type, text, details) => {
    const { category, fields } = registryFacts({ ...run, data: { type, strings: [text] } }, ['change']);
    expect(category).toBe('registry_set');
    expect(fields).toMatchObject({ Details: details, EventType: 'SetValue' });
  });

  test('is an addition, a change or a deletion of a key or of a value', () => {
    const kinds = (registry: object, types: string[]): unknown[] => {
      const { category, fields } = registryFacts(registry, types);
      return [category, fields['EventType']];
    };
    expect(kinds({ hive: 'HKLM', key: 'A' }, ['creation'])).toEqual(['registry_add', 'CreateKey']);
    expect(kinds({ ...run, data: { strings: ['v'] } }, ['creation'])).toEqual(['registry_set', 'SetValue']);
    expect(kinds(run, ['deletion'])).toEqual(['registry_delete', 'DeleteValue']);
    expect(kinds({ hive: 'HKLM', key: 'A' }, ['deletion'])).toEqual(['registry_delete', 'DeleteKey']);
  });
});
