import type { Config } from '../../platform/config/config.ts';
import { ensureSampleKeys, parseSampleKeys, type SampleKeys } from '../../platform/samples/sample-keys.ts';
import { SampleVault } from '../../platform/samples/sample-vault.ts';
import type { Platform } from './platform.ts';

/**
 * @param name of the pool of connections
 * @returns the store of samples; null where the cluster profile was given no keys, as every instance must have the same
 * @throws FB_CONFIG_INVALID when the keys of the data folder cannot be read
 */
export function openVault(
  platform: Platform,
  config: Config,
  name: string,
  connections: number,
): SampleVault | null {
  const keys = keysOf(platform, config);
  if (keys === null) return null;
  const pool = platform.pool('firebreak_samples', name, connections);
  return new SampleVault({ pool, keys, limits: config.limits });
}

function keysOf({ dataDir }: Platform, { cluster, sampleKeys }: Config): SampleKeys | null {
  if (sampleKeys !== null) return parseSampleKeys(sampleKeys);
  return cluster === null ? ensureSampleKeys(dataDir) : null;
}
