import type { EcsEvent } from '../../contracts/ecs.ts';
import { hiveNames } from './field-map.ts';

type Registry = NonNullable<EcsEvent['registry']>;

export interface RegistryFacts {
  readonly category: 'registry_set' | 'registry_add' | 'registry_delete';
  readonly fields: Readonly<Record<string, string>>;
}

/** A registry event as Sigma's fields; `types` are ECS event types. Key events without data are additions. */
export function registryFacts(registry: Registry, types: readonly string[]): RegistryFacts {
  const strings = registry.data?.strings;
  const details = strings?.map((text) => numberText(registry.data?.type, text)).join(' ');
  const fields = {
    TargetObject: targetObject(registry),
    ...(details === undefined ? {} : { Details: details }),
  };
  if (types.includes('deletion'))
    return {
      category: 'registry_delete',
      fields: { ...fields, EventType: registry.value === undefined ? 'DeleteKey' : 'DeleteValue' },
    };
  if (strings === undefined && types.includes('creation')) {
    return { category: 'registry_add', fields: { ...fields, EventType: 'CreateKey' } };
  }
  return { category: 'registry_set', fields: { ...fields, EventType: 'SetValue' } };
}

function targetObject(registry: Registry): string {
  const parts = [registry.hive, registry.key, registry.value].filter((part) => part !== undefined);
  const path = registry.path ?? parts.join('\\');
  const [hive = '', ...rest] = path.split('\\');
  return [hiveNames[hive.toUpperCase()] ?? hive, ...rest].join('\\');
}

/** Numbers in the form that Sysmon gives them: `DWORD (0x00000001)`. */
function numberText(type: string | undefined, text: string): string {
  const width = { REG_DWORD: 8, REG_QWORD: 16 }[type?.toUpperCase() ?? ''];
  const number = Number(text);
  if (width === undefined || text.trim() === '' || !Number.isSafeInteger(number) || number < 0) return text;
  return `${width === 8 ? 'DWORD' : 'QWORD'} (0x${number.toString(16).padStart(width, '0')})`;
}
