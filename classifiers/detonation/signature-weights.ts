import type { Tactic } from '../../contracts/score.ts';

/** What a family of CAPE's signatures says about a sample. */
export interface SignatureWeight {
  /** Names of signatures begin so; the first that fits counts. */
  readonly pattern: RegExp;
  /** Nats that the strongest of the family adds; 0 tells without weighing. */
  readonly nats: number;
  readonly tactic?: Tactic;
  /** Where the report itself names none for the signature. */
  readonly techniques?: readonly string[];
}

/**
 * Weighed by hand, by how often honest software does the same: installers write programs, autostart entries and services,
 * protected software looks for debuggers and virtual machines, everything talks to the network. Families are ordered, and
 * each counts once, however many of its signatures fired: they mostly describe one act.
 */
export const signatureWeights: readonly SignatureWeight[] = [
  // Looking for an analysis: copy protection does it too.
  {
    pattern: /^anti(?:vm|sandbox|debug|emu|analysis)/u,
    nats: 0.25,
    tactic: 'defense-evasion',
    techniques: ['T1497'],
  },
  {
    pattern: /^anti(?:av|edr)|^bypass_edr/u,
    nats: 1.2,
    tactic: 'defense-evasion',
    techniques: ['T1562.001'],
  },
  {
    pattern:
      /^(?:disables?_(?:windows_?defender|uac|security|app|smartscreen|event)|tampers?_|modify_(?:security|uac|defender)|windows_?defender|stops?_(?:av|security))/u,
    nats: 1.6,
    tactic: 'defense-evasion',
    techniques: ['T1562.001'],
  },
  { pattern: /^bypass_amsi|^amsi_/u, nats: 1.6, tactic: 'defense-evasion', techniques: ['T1562.001'] },
  {
    pattern: /^(?:uac_?bypass|bypass_uac)/u,
    nats: 1.6,
    tactic: 'privilege-escalation',
    techniques: ['T1548.002'],
  },
  {
    pattern: /^ransomware_|^mass_data_encryption/u,
    nats: 2.6,
    tactic: 'impact',
    techniques: ['T1486'],
  },
  {
    pattern:
      /^(?:deletes?_(?:shadow_copies|system_state|backups?)|uses_windows_utilities_to_delete|bcdedit|removes_?recovery|prevents_?recovery)/u,
    nats: 2.2,
    tactic: 'impact',
    techniques: ['T1490'],
  },
  {
    pattern: /^(?:wiper|overwrites?_(?:boot|mbr)|bootkit|physical_drive_access)/u,
    nats: 2,
    tactic: 'impact',
    techniques: ['T1561'],
  },
  {
    pattern:
      /^(?:injection_|process_hollow|transacted_hollowing|resumethread_remote|process_doppel|creates_suspended)/u,
    nats: 1.5,
    tactic: 'defense-evasion',
    techniques: ['T1055'],
  },
  {
    pattern: /^(?:lsass|credential|mimikatz|dumps?_|accesses_netlogon|registry_credential|sam_|ntds)/u,
    nats: 2,
    tactic: 'credential-access',
    techniques: ['T1003'],
  },
  {
    pattern: /^(?:infostealer|steals?_|browser_(?:steal|credential)|cookies?_|wallet|bitcoin_wallet)/u,
    nats: 1.4,
    tactic: 'credential-access',
    techniques: ['T1555'],
  },
  {
    pattern: /^(?:keylog|infostealer_keylog|captures_screenshot|spyware)/u,
    nats: 1.2,
    tactic: 'collection',
    techniques: ['T1056.001'],
  },
  {
    pattern: /^(?:clears?_logs|removes_?(?:zoneid|evidence)|deletes_self|deletes_executed)/u,
    nats: 0.8,
    tactic: 'defense-evasion',
    techniques: ['T1070'],
  },
  {
    pattern: /^(?:rat_|trojan|backdoor|banker|rootkit|worm|virus_|downloader_|loader_|stealer_|miner_)/u,
    nats: 2.2,
    tactic: 'command-and-control',
  },
  {
    pattern: /^(?:crypto_?min|cryptomin|bitcoin_opencl|cryptopool)/u,
    nats: 1.4,
    tactic: 'impact',
    techniques: ['T1496'],
  },
  {
    pattern:
      /^(?:network_(?:cnc|c2|tor|dga|bind|irc|fake|icmp|multiple_direct|dyndns)|c2_|suricata_alert|p2p_cnc|cnc_)/u,
    nats: 1.2,
    tactic: 'command-and-control',
    techniques: ['T1071'],
  },
  {
    pattern:
      /^(?:powershell|suspicious_powershell|cmdline_|script_|martian|office_|macro|wscript|mshta|suspicious_command|uses_windows_utilities)/u,
    nats: 0.8,
    tactic: 'execution',
    techniques: ['T1059'],
  },
  {
    pattern: /^(?:persistence|creates_service|installs_|autorun|scheduled_|modifies_startup)/u,
    nats: 0.4,
    tactic: 'persistence',
    techniques: ['T1547'],
  },
  {
    pattern: /^(?:stealth|hides?_|mimics_filetime|masquerad|system_process_name)/u,
    nats: 0.5,
    tactic: 'defense-evasion',
    techniques: ['T1564'],
  },
  {
    pattern: /^(?:creates_exe|dropper|drops_|exec_crash|packer|static_pe|pe_|overlay|language|origin_)/u,
    nats: 0.1,
  },
  {
    pattern: /^(?:recon|queries_|enumerates|collects_|computer_discovery|user_enum|discovery)/u,
    nats: 0.2,
    tactic: 'discovery',
    techniques: ['T1082'],
  },
  { pattern: /^(?:network|dns_|http_|uses_http)/u, nats: 0.1, tactic: 'command-and-control' },
];
