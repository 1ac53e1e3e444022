private rule describes_attacks {
  meta:
    description = "Detection rules and reports name what they look for."
  strings:
    $a = "logsource:" nocase
    $b = "falsepositives" nocase
    $c = "attack.t1" nocase
    $d = "mitre att&ck" nocase
    $e = /rule [a-z_0-9]{3,64}\s*(:[a-z_0-9 ]{1,64})?\{\s*meta:/ nocase
    $f = "attack_technique:" nocase
  condition:
    any of them
}

rule program_patches_script_scanning {
  meta:
    description = "A program that overwrites the interface by which scripts are scanned."
    level = "high"
    tactic = "defense-evasion"
    techniques = "T1562.001"
  strings:
    $function = "AmsiScanBuffer" ascii wide
    $library = "amsi.dll" ascii wide nocase
    // mov eax, E_INVALIDARG; ret — and the same after a return of zero.
    $patch_1 = { B8 57 00 07 80 C3 }
    $patch_2 = { B8 57 00 07 80 C2 18 00 }
    $protect = "VirtualProtect" ascii wide
  condition:
    uint16(0) == 0x5A4D and $function and $library and $protect and any of ($patch_*) and filesize < 8MB
}

rule script_disables_script_scanning {
  meta:
    description = "A script that tells the interface by which scripts are scanned that it failed to start."
    level = "high"
    tactic = "defense-evasion"
    techniques = "T1562.001 T1059.001"
  strings:
    $class = "AmsiUtils" nocase
    $field_1 = "amsiInitFailed" nocase
    $field_2 = "amsiContext" nocase
    $field_3 = "amsiSession" nocase
    $set_1 = "SetValue(" nocase
    $set_2 = "WriteInt32(" nocase
    $reflection = "GetField(" nocase
  condition:
    uint16(0) != 0x5A4D and filesize < 2MB and
    $class and any of ($field_*) and any of ($set_*) and $reflection and
    not describes_attacks
}

rule script_patches_script_scanning {
  meta:
    description = "A script that finds the function by which scripts are scanned and overwrites it."
    level = "high"
    tactic = "defense-evasion"
    techniques = "T1562.001 T1059.001"
  strings:
    $function_1 = "AmsiScanBuffer" nocase
    $function_2 = /"Amsi"\s{0,4}\+\s{0,4}"Scan/ nocase
    $protect = "VirtualProtect" nocase
    $copy = "Marshal]::Copy" nocase
    $bytes = /0xB8,\s{0,4}0x57,\s{0,4}0x00,\s{0,4}0x07,\s{0,4}0x80/ nocase
  condition:
    uint16(0) != 0x5A4D and filesize < 2MB and
    any of ($function_*) and $protect and ($copy or $bytes) and
    not describes_attacks
}
