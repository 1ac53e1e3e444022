/** CAPE reports of our own making, in the form that CAPE 2 writes, with the parts that are used and some that are not. */
const calls = [{ api: 'NtCreateFile', category: 'filesystem', arguments: [], return: '0x00000000' }];

interface Parts {
  readonly signatures?: readonly object[];
  readonly ttps?: readonly object[];
  readonly detections?: unknown;
  readonly payloads?: readonly object[];
  readonly configs?: readonly object[];
  readonly calls?: readonly object[];
}

/** The report, about another file. */
export function aboutFile(report: object, sha256: string): object {
  return { ...report, target: { category: 'file', file: { name: 'sample.exe', sha256 } } };
}

export function capeReport(parts: Parts): object {
  return {
    statistics: { processing: [], signatures: [], reporting: [] },
    info: {
      version: '2.4-CAPE',
      id: 41,
      category: 'file',
      package: 'exe',
      duration: 182,
      machine: { name: 'w10' },
    },
    target: {
      category: 'file',
      file: { name: 'sample.exe', size: 4096, sha256: 'ab'.repeat(32), type: 'PE32' },
    },
    malscore: 5,
    signatures: parts.signatures ?? [],
    ttps: parts.ttps ?? [],
    ...(parts.detections !== undefined && { detections: parts.detections }),
    CAPE: { payloads: parts.payloads ?? [], configs: parts.configs ?? [] },
    behavior: {
      processes: [
        { process_id: 1204, process_name: 'sample.exe', parent_id: 900, calls: parts.calls ?? calls },
      ],
      summary: { files: ['C:\\Users\\user\\AppData\\Local\\Temp\\a.tmp'], mutexes: [] },
    },
    network: { hosts: [], dns: [] },
  };
}

export function signature(name: string, severity = 2, categories: readonly string[] = []): object {
  return {
    name,
    description: `What ${name} describes`,
    categories,
    severity,
    weight: 1,
    confidence: 100,
    references: [],
    data: [],
    new_data: [],
    alert: false,
    families: [],
  };
}

/** What installers of honest software do in a sandbox. */
export const installer = capeReport({
  signatures: [
    'antivm_generic_disk',
    'antidebug_setunhandledexceptionfilter',
    'creates_exe',
    'dropper',
    'persistence_autorun',
    'creates_service',
    'stealth_file',
    'recon_programs',
    'network_http',
    'deletes_self',
    'uses_windows_utilities',
    'some_new_signature',
    'another_new_signature',
  ].map((name) => signature(name)),
});

export const ransomware = capeReport({
  signatures: [
    signature('antivm_generic_disk'),
    signature('ransomware_file_modifications', 3, ['ransomware']),
    signature('deletes_shadow_copies', 3),
    signature('persistence_autorun'),
  ],
  ttps: [
    { signature: 'ransomware_file_modifications', ttps: ['T1486', 'T1485'], mbcs: ['OB0008'] },
    { signature: 'deletes_shadow_copies', ttps: ['T1490'], mbcs: [] },
  ],
});

export const recognized = capeReport({
  signatures: [signature('injection_runpe', 3)],
  detections: [{ family: 'ExampleBot', details: [{ Yara: 'cd'.repeat(32) }] }],
  configs: [{ ExampleBot: { C2: ['example.org'] } }],
  payloads: [
    {
      name: 'x',
      sha256: 'cd'.repeat(32),
      cape_type: 'ExampleBot Payload',
      cape_yara: [{ name: 'ExampleBot' }],
    },
  ],
});
