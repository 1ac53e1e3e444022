import type { Config } from '../../platform/config/config.ts';
import type { HostEvents } from './events.ts';
import type { Platform } from './platform.ts';

/**
 * The platform of the configured profile, not started. Its module alone is loaded: the image of the cluster is without
 * the built-in PostgreSQL.
 *
 * @param clientId tells this process from others in the brokers' own views
 * @throws FB_CONFIG_INVALID when an address cannot be read
 */
export async function loadPlatform(config: Config, clientId: string, events: HostEvents): Promise<Platform> {
  const { cluster, dataDir, limits } = config;
  if (cluster === null) {
    const { EmbeddedPlatform } = await import('./embedded-platform.ts');
    return new EmbeddedPlatform(dataDir, limits, events);
  }
  const { ClusterPlatform } = await import('./cluster-platform.ts');
  return new ClusterPlatform({ config: cluster, dataDir, limits, events, clientId });
}
