/** Bodies as they go over the wire, shown in the OpenAPI document and held to the schemas by a test. */

const sha256 = '9f2c1f6f0d3f5c0f1c1b7f5a2d3e4c5b6a79880011223344556677889900aabb';
const deviceId = '019aa8d2-6c1e-7c4e-9a51-3f0f3f9d2b01';
const host = { hostname: 'finance-17', os: { type: 'windows', version: '10.0.26100' } };
const agent = { type: 'example-agent', version: '1.4.0' };

export const exampleEnrollment = {
  installationId: '5b0a4f1e-finance-17',
  host,
  agent,
  runningMode: 'active',
  capabilities: { kinds: ['file', 'script'], actions: ['block-and-remediate', 'block', 'audit', 'allow'] },
} as const;

export const exampleEnrolledDevice = {
  device: {
    id: deviceId,
    tenantId: '019aa8d2-6c1e-7c4e-9a51-3f0f3f9d2b00',
    status: 'active',
    host,
    agent,
    runningMode: 'active',
    tags: ['finance'],
    createdAt: '2026-11-22T10:00:00.000Z',
    lastSeenAt: null,
  },
  credential: 'fbd_…',
  signingKeys: [],
} as const;

export const exampleReport = {
  sentAt: '2026-11-22T10:15:03.200Z',
  ecs: { version: '9.1' },
  reports: [
    {
      id: '019aa8d2-6c1e-7c4e-9a51-3f0f3f9d2b11',
      '@timestamp': '2026-11-22T10:15:03.120Z',
      detectionSource: 'antivirus',
      localAction: 'held',
      artifact: { kind: 'file', hash: { sha256 } },
      file: { name: 'invoice.exe', path: '%USERPROFILE%\\Downloads\\invoice.exe', size: 184320 },
      process: { entity_id: 'boot-91f3:4242:638994', pid: 4242, executable: 'C:\\Windows\\explorer.exe' },
    },
  ],
} as const;

export const exampleReportResult = {
  now: '2026-11-22T10:15:03.260Z',
  results: [
    {
      id: '019aa8d2-6c1e-7c4e-9a51-3f0f3f9d2b11',
      status: 'accepted',
      artifact: `file:sha256:${sha256}`,
      entry: null,
      verdict: 'pending',
    },
  ],
} as const;

export const exampleLookupResult = {
  now: '2026-11-22T10:15:04.000Z',
  results: [
    {
      key: `file:sha256:${sha256}`,
      verdict: 'malicious',
      action: 'block-and-remediate',
      entries: [
        {
          id: '019aa8d2-6c1e-8c4e-9a51-3f0f3f9d2b12',
          revision: 1,
          key: `file:sha256:${sha256}`,
          source: 'decision',
          reach: 'ecosystem',
          verdict: 'malicious',
          action: 'block-and-remediate',
          blockFrom: 'default',
          remediation: ['stop-process', 'quarantine'],
          threatName: 'Trojan:Win32/Example!ml',
          severity: 'high',
          reason: {
            code: 'tenant-consensus',
            text: 'Several established organizations confirmed it independently.',
          },
          decidedAt: '2026-11-22T10:15:00.000Z',
          expiresAt: '2026-12-22T10:15:00.000Z',
        },
      ],
    },
  ],
} as const;
