/**
 * Which ECS field of an event each Sigma field is read from, by part of the event. Sigma's names are those of Sysmon and
 * of the Windows security log; a path is followed inside the part that the table is named for.
 * Fields that need more than a copy (user, hashes, registry) are composed in features.ts.
 */
export const processFields = {
  Image: ['executable'],
  CommandLine: ['command_line'],
  CurrentDirectory: ['working_directory'],
  IntegrityLevel: ['integrity_level'],
  OriginalFileName: ['pe', 'original_file_name'],
  Company: ['pe', 'company'],
  Product: ['pe', 'product'],
  Description: ['pe', 'description'],
  Imphash: ['pe', 'imphash'],
} as const;

export const parentFields = {
  ParentImage: ['executable'],
  ParentCommandLine: ['command_line'],
  ParentIntegrityLevel: ['integrity_level'],
} as const;

export const fileFields = {
  TargetFilename: ['path'],
  Imphash: ['pe', 'imphash'],
} as const;

export const libraryFields = {
  ImageLoaded: ['path'],
  Signed: ['code_signature', 'exists'],
  Signature: ['code_signature', 'subject_name'],
  SignatureStatus: ['code_signature', 'status'],
} as const;

export const destinationFields = {
  DestinationIp: ['ip'],
  DestinationHostname: ['domain'],
  DestinationPort: ['port'],
} as const;

/**
 * Names under which rules ask for the same thing, rule → event: the security log's (event 4688), a script block log's and
 * ECS itself, so that rules written for either run unchanged.
 */
export const fieldAliases: Readonly<Record<string, string>> = {
  NewProcessName: 'Image',
  ProcessCommandLine: 'CommandLine',
  ParentProcessName: 'ParentImage',
  'process.executable': 'Image',
  'process.command_line': 'CommandLine',
  'process.working_directory': 'CurrentDirectory',
  'process.pe.original_file_name': 'OriginalFileName',
  'process.parent.executable': 'ParentImage',
  'process.parent.command_line': 'ParentCommandLine',
  'file.path': 'TargetFilename',
  'dll.path': 'ImageLoaded',
  'registry.path': 'TargetObject',
  'registry.data.strings': 'Details',
  'destination.ip': 'DestinationIp',
  'destination.domain': 'DestinationHostname',
  'destination.port': 'DestinationPort',
  'dns.question.name': 'QueryName',
  'url.full': 'c-uri',
  'powershell.file.script_block_text': 'ScriptBlockText',
};

/** Long names of registry hives, as ECS agents write them, and the short ones that Sigma rules expect. */
export const hiveNames: Readonly<Record<string, string>> = {
  HKEY_LOCAL_MACHINE: 'HKLM',
  HKEY_CURRENT_USER: 'HKCU',
  HKEY_USERS: 'HKU',
  HKEY_CLASSES_ROOT: 'HKCR',
  HKEY_CURRENT_CONFIG: 'HKCC',
};
