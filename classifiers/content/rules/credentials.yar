private rule knows_credential_theft {
  strings:
    $a = "logsource:" nocase ascii wide
    $b = "falsepositives" nocase ascii wide
    $c = /attack\.t1\d{3}/ nocase ascii wide
    $d = "attack_technique:" nocase
  condition:
    any of them
}

rule credential_dumping_tool {
  meta:
    description = "Commands of a well-known tool that reads passwords and tickets out of memory."
    level = "critical"
    tactic = "credential-access"
    techniques = "T1003.001 T1003.002 T1558.001"
  strings:
    $command_1 = "sekurlsa::" ascii wide nocase
    $command_2 = "lsadump::" ascii wide nocase
    $command_3 = "kerberos::golden" ascii wide nocase
    $command_4 = "privilege::debug" ascii wide nocase
    $module_1 = "logonpasswords" ascii wide nocase
    $module_2 = "kuhl_m_" ascii wide
    $module_3 = "wdigest.dll" ascii wide nocase
    $module_4 = "lsasrv.dll" ascii wide nocase
    $module_5 = "SamIGetPrivateData" ascii wide
  condition:
    uint16(0) == 0x5A4D and filesize < 16MB and
    (3 of ($command_*) or (any of ($command_*) and 2 of ($module_*)) or 4 of ($module_*)) and
    not knows_credential_theft
}

rule browser_secrets_sent_away {
  meta:
    description = "It reads the stored passwords of browsers and knows an address of a chat service to send them to."
    level = "high"
    tactic = "credential-access"
    techniques = "T1555.003 T1567"
  strings:
    $store_1 = "Login Data" ascii wide
    $store_2 = "Local State" ascii wide
    $store_3 = "encrypted_key" ascii wide
    $store_4 = "CryptUnprotectData" ascii wide nocase
    $store_5 = "logins.json" ascii wide
    $store_6 = "Local Storage\\leveldb" ascii wide
    $hook_1 = /discord(app)?\.com\/api\/webhooks\/\d{6}/ ascii wide nocase
    $hook_2 = /api\.telegram\.org\/bot\d{6}/ ascii wide nocase
  condition:
    3 of ($store_*) and any of ($hook_*) and filesize < 64MB and not knows_credential_theft
}

rule memory_of_logon_process_dumped {
  meta:
    description = "A program that names the logon process and imports what writes the memory of a process to a file."
    level = "medium"
    tactic = "credential-access"
    techniques = "T1003.001"
  strings:
    $process = "lsass.exe" ascii wide nocase
    $dump = "MiniDumpWriteDump" ascii wide
    $right = "SeDebugPrivilege" ascii wide
  condition:
    uint16(0) == 0x5A4D and all of them and filesize < 4MB and not knows_credential_theft
}
