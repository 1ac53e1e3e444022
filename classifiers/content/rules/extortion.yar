private rule knows_attacks {
  meta:
    description = "Products and tools that detect attacks carry the same texts beside the names of what they detect."
  strings:
    $a = "logsource:" nocase ascii wide
    $b = "falsepositives" nocase ascii wide
    $c = /attack\.t1\d{3}/ nocase ascii wide
    $d = "attack_technique:" nocase
    $e = /Sysmon\/Operational/ ascii wide
  condition:
    any of them
}

rule program_destroys_recovery {
  meta:
    description = "A program that carries several commands against backups and system recovery."
    level = "high"
    tactic = "impact"
    techniques = "T1490"
  strings:
    $shadows_1 = /vssadmin(\.exe)?\s{1,4}delete\s{1,4}shadows/ ascii wide nocase
    $shadows_2 = /wmic(\.exe)?\s{1,4}shadowcopy\s{1,4}delete/ ascii wide nocase
    $shadows_3 = /resize\s{1,4}shadowstorage\s{1,4}\/for=/ ascii wide nocase
    $boot_1 = /bcdedit(\.exe)?\s{1,4}\/set\s{1,4}.{0,16}recoveryenabled\s{1,4}no/ ascii wide nocase
    $boot_2 = /bootstatuspolicy\s{1,4}ignoreallfailures/ ascii wide nocase
    $backup_1 = /wbadmin(\.exe)?\s{1,4}delete\s{1,4}(catalog|systemstatebackup)/ ascii wide nocase
  condition:
    (uint16(0) == 0x5A4D or uint32(0) == 0x464C457F) and filesize < 32MB and
    (
      (any of ($shadows_*) and any of ($boot_*)) or
      (any of ($shadows_*) and any of ($backup_*)) or
      (any of ($boot_*) and any of ($backup_*))
    ) and
    not knows_attacks
}

rule script_destroys_recovery {
  meta:
    description = "A script with several commands against backups and system recovery."
    level = "medium"
    tactic = "impact"
    techniques = "T1490"
  strings:
    $shadows = /vssadmin(\.exe)?\s{1,4}delete\s{1,4}shadows/ nocase
    $boot = /recoveryenabled\s{1,4}no/ nocase
    $backup = /wbadmin(\.exe)?\s{1,4}delete\s{1,4}(catalog|systemstatebackup)/ nocase
  condition:
    uint16(0) != 0x5A4D and uint32(0) != 0x464C457F and filesize < 1MB and 2 of them and not knows_attacks
}

private rule demands_ransom {
  meta:
    description = "What the letters of extortionists say."
  strings:
    $lost_1 = /(all (of )?)?your (important |personal )?(files|documents|data)[^.!]{0,48} (have been|are|were) (now )?(en)?crypted/ ascii wide nocase
    $lost_2 = /files on your (computer|network|server)s? (have been|are|were) (en)?crypted/ ascii wide nocase
    $back_1 = /(recover|restore|decrypt|return) (all )?(of )?your (files|data)/ ascii wide nocase
    $back_2 = /decrypt(ion|or) (key|tool|software|program)/ ascii wide nocase
    $pay_1 = "bitcoin" ascii wide nocase
    $pay_2 = "Tor Browser" ascii wide nocase
    $pay_3 = /[a-z2-7]{16,56}\.onion/ ascii wide nocase
    $pay_4 = "monero" ascii wide nocase fullword
    $threat_1 = /(do not|don'?t) (try to |attempt to )?(rename|modify|decrypt|change)[^.!]{0,24} (encrypted )?files/ ascii wide nocase
    $threat_2 = /(will be|be) (published|leaked|sold|lost forever|permanently (lost|destroyed))/ ascii wide nocase
  condition:
    any of ($lost_*) and any of ($back_*) and any of ($pay_*) and any of ($threat_*)
}

rule ransom_note {
  meta:
    description = "A letter that demands a ransom for encrypted files."
    level = "medium"
    tactic = "impact"
    techniques = "T1486"
  condition:
    uint16(0) != 0x5A4D and uint32(0) != 0x464C457F and filesize < 128KB and demands_ransom and not knows_attacks
}

rule program_carries_ransom_note {
  meta:
    description = "A program with a letter that demands a ransom for encrypted files."
    level = "high"
    tactic = "impact"
    techniques = "T1486"
  condition:
    (uint16(0) == 0x5A4D or uint32(0) == 0x464C457F) and filesize < 32MB and demands_ransom and not knows_attacks
}
