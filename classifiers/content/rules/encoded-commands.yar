rule encoded_download_and_run {
  meta:
    description = "Encoded inside of it: a script that downloads code and runs it at once."
    level = "high"
    tactic = "execution"
    techniques = "T1059.001 T1027.010 T1105"
  strings:
    $load_1 = "DownloadString" nocase
    $load_2 = "DownloadData" nocase
    $load_3 = "Invoke-WebRequest" nocase
    $load_4 = "Net.Sockets.TCPClient" nocase
    $load_5 = "Invoke-RestMethod" nocase
    $run_1 = "IEX" nocase fullword
    $run_2 = "Invoke-Expression" nocase
    $run_3 = "[Reflection.Assembly]::Load" nocase
  condition:
    part == "encoded" and filesize < 1MB and any of ($load_*) and any of ($run_*)
}

rule encoded_memory_loader {
  meta:
    description = "Encoded inside of it: a script that puts machine code into memory and starts it."
    level = "high"
    tactic = "execution"
    techniques = "T1059.001 T1027.010 T1620"
  strings:
    $alloc = "VirtualAlloc" nocase
    $copy = "Marshal]::Copy" nocase
    $start_1 = "CreateThread" nocase
    $start_2 = "GetDelegateForFunctionPointer" nocase
    $start_3 = "CreateRemoteThread" nocase
  condition:
    part == "encoded" and filesize < 2MB and $alloc and $copy and any of ($start_*)
}

rule encoded_program {
  meta:
    description = "Encoded inside of it: an executable."
    level = "low"
    tactic = "defense-evasion"
    techniques = "T1027.009 T1140"
  condition:
    part == "encoded" and uint16(0) == 0x5A4D
}

rule program_starts_hidden_encoded_command {
  meta:
    description = "A program that starts PowerShell with a hidden window and an encoded command."
    level = "medium"
    tactic = "execution"
    techniques = "T1059.001 T1027.010"
  strings:
    $shell = "powershell" ascii wide nocase
    $hidden = /-w(indowstyle)?\s{1,4}hidden/ ascii wide nocase
    $encoded = /\s-(e|en|enc|encodedcommand)\s{1,4}[A-Za-z0-9+\/]{32}/ ascii wide nocase
  condition:
    uint16(0) == 0x5A4D and all of them and filesize < 16MB
}
