private rule guards_against_misuse {
  strings:
    $a = "logsource:" nocase ascii wide
    $b = "falsepositives" nocase ascii wide
    $c = /attack\.t1\d{3}/ nocase ascii wide
  condition:
    any of them
}

rule currency_miner {
  meta:
    description = "A program that mines a currency for a pool."
    level = "medium"
    tactic = "impact"
    techniques = "T1496"
  strings:
    $pool = /stratum\+(tcp|ssl|tls):\/\// ascii wide nocase
    $what_1 = "randomx" ascii wide nocase
    $what_2 = "cryptonight" ascii wide nocase
    $what_3 = "donate-level" ascii wide nocase
    $what_4 = "nicehash" ascii wide nocase
    $what_5 = "ethash" ascii wide nocase
  condition:
    (uint16(0) == 0x5A4D or uint32(0) == 0x464C457F) and $pool and 2 of ($what_*) and not guards_against_misuse
}

rule program_switches_protection_off {
  meta:
    description = "A program that carries several commands against the system's virus protection."
    level = "medium"
    tactic = "defense-evasion"
    techniques = "T1562.001"
  strings:
    $policy_1 = "DisableRealtimeMonitoring" ascii wide nocase
    $policy_2 = "DisableAntiSpyware" ascii wide nocase
    $policy_3 = "DisableBehaviorMonitoring" ascii wide nocase
    $policy_4 = "DisableIOAVProtection" ascii wide nocase
    $set_1 = "Set-MpPreference" ascii wide nocase
    $set_2 = "Policies\\Microsoft\\Windows Defender" ascii wide nocase
    $set_3 = "Add-MpPreference" ascii wide nocase
  condition:
    uint16(0) == 0x5A4D and 2 of ($policy_*) and any of ($set_*) and filesize < 16MB and
    not guards_against_misuse
}

rule program_hijacks_elevation {
  meta:
    description = "A program that redirects what a trusted program of the system opens with higher rights."
    level = "medium"
    tactic = "privilege-escalation"
    techniques = "T1548.002"
  strings:
    $key_1 = "ms-settings\\shell\\open\\command" ascii wide nocase
    $key_2 = "mscfile\\shell\\open\\command" ascii wide nocase
    $value = "DelegateExecute" ascii wide nocase
    $program_1 = "fodhelper" ascii wide nocase
    $program_2 = "computerdefaults" ascii wide nocase
    $program_3 = "eventvwr" ascii wide nocase
  condition:
    uint16(0) == 0x5A4D and any of ($key_*) and ($value or any of ($program_*)) and filesize < 16MB and
    not guards_against_misuse
}

rule program_records_keystrokes {
  meta:
    description = "A small program that asks for the state of keys again and again and knows the names of keys and windows."
    level = "low"
    tactic = "collection"
    techniques = "T1056.001"
  strings:
    $state = "GetAsyncKeyState" ascii
    $window = "GetForegroundWindow" ascii
    $key_1 = "[BACKSPACE]" ascii wide nocase
    $key_2 = "[CAPSLOCK]" ascii wide nocase
    $key_3 = "[ENTER]" ascii wide nocase
    $key_4 = "[TAB]" ascii wide nocase
  condition:
    uint16(0) == 0x5A4D and $state and $window and 2 of ($key_*) and filesize < 4MB
}
