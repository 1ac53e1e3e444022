rule macro_downloads_and_runs {
  meta:
    description = "A macro that runs by itself, downloads something and starts it."
    level = "high"
    tactic = "execution"
    techniques = "T1059.005 T1204.002 T1105"
  strings:
    $auto_1 = /Sub\s{1,4}(Auto_?Open|Auto_?Exec|Document_?Open|Workbook_?Open|Auto_?Close|Document_?Close)\b/ nocase
    $load_1 = "URLDownloadToFile" nocase
    $load_2 = "XMLHTTP" nocase
    $load_3 = "WinHttpRequest" nocase
    $load_4 = "DownloadString" nocase
    $load_5 = "DownloadFile" nocase
    $run_1 = /\bShell\b[\s(]/ nocase
    $run_2 = "WScript.Shell" nocase
    $run_3 = "ShellExecute" nocase
    $run_4 = "Win32_Process" nocase
  condition:
    part == "macro" and $auto_1 and any of ($load_*) and any of ($run_*)
}

rule macro_starts_interpreter {
  meta:
    description = "A macro that runs by itself and hands a command to an interpreter."
    level = "medium"
    tactic = "execution"
    techniques = "T1059.005 T1204.002"
  strings:
    $auto = /Sub\s{1,4}(Auto_?Open|Auto_?Exec|Document_?Open|Workbook_?Open|Auto_?Close|Document_?Close)\b/ nocase
    $run_1 = /\bShell\b[\s(]/ nocase
    $run_2 = "WScript.Shell" nocase
    $run_3 = "Win32_Process" nocase
    $what_1 = "powershell" nocase
    $what_2 = "cmd.exe" nocase
    $what_3 = "cmd /c" nocase
    $what_4 = "mshta" nocase
    $what_5 = "regsvr32" nocase
    $what_6 = "rundll32" nocase
  condition:
    part == "macro" and $auto and any of ($run_*) and any of ($what_*)
}

rule macro_allocates_and_runs_memory {
  meta:
    description = "A macro that puts machine code into memory and starts it."
    level = "high"
    tactic = "execution"
    techniques = "T1059.005 T1055"
  strings:
    $declare = "Declare" nocase
    $alloc = "VirtualAlloc" nocase
    $move_1 = "RtlMoveMemory" nocase
    $move_2 = "WriteProcessMemory" nocase
    $start_1 = "CreateThread" nocase
    $start_2 = "EnumSystemLocales" nocase
    $start_3 = "CallWindowProc" nocase
  condition:
    part == "macro" and $declare and $alloc and any of ($move_*) and any of ($start_*)
}

rule field_that_runs_command {
  meta:
    description = "A document field that starts a command interpreter when the document is opened."
    level = "high"
    tactic = "execution"
    techniques = "T1559.002"
  strings:
    $field = /DDE(AUTO)?\s{1,4}["\\a-z:]{0,64}(cmd|powershell|mshta)(\.exe)?/ nocase
    $xml = "<w:instrText" nocase
  condition:
    part == "unpacked" and $xml and $field
}

rule text_document_with_equation_object {
  meta:
    description = "A rich text document with an object of the old equation editor, which was open to attack for years."
    level = "high"
    tactic = "execution"
    techniques = "T1203"
  strings:
    $object = "\\objdata" nocase
    // "Equation.3" in hexadecimal digits, and the class of the editor as it stands in the object.
    $name = "4571756174696f6e2e33" nocase
    $class = "0002ce0200000000c000000000000046" nocase
  condition:
    uint32be(0) == 0x7B5C7274 and $object and any of ($name, $class)
}

rule document_launches_interpreter {
  meta:
    description = "A PDF that starts a command interpreter."
    level = "high"
    tactic = "execution"
    techniques = "T1204.002"
  strings:
    $launch = /\/S\s{0,4}\/Launch/
    $what = /\/F\s{0,4}\(\s{0,4}(cmd|powershell|mshta|wscript|rundll32)(\.exe)?\s{0,4}\)/ nocase
  condition:
    (uint32be(0) == 0x25504446 or part == "unpacked") and $launch and $what
}

rule shortcut_downloads_and_runs {
  meta:
    description = "A shortcut that downloads something and runs it."
    level = "high"
    tactic = "execution"
    techniques = "T1204.002 T1105"
  strings:
    $shell_1 = "powershell" nocase
    $shell_2 = "mshta" nocase
    $shell_3 = "cmd" nocase
    $load_1 = "DownloadString" nocase
    $load_2 = "DownloadFile" nocase
    $load_3 = "Invoke-WebRequest" nocase
    $load_4 = /\biwr\b/ nocase
    $load_5 = /mshta(\.exe)?["\s]{1,4}https?:/ nocase
    $load_6 = /curl(\.exe)?\s[^|&]{0,128}https?:/ nocase
    $load_7 = "bitsadmin" nocase
    $run_1 = /\b(iex|invoke-expression|start-process|start|saps)\b/ nocase
    $run_2 = /mshta(\.exe)?["\s]{1,4}https?:/ nocase
    $run_3 = /[&|]\s{0,4}["%\\:a-z0-9]{1,128}\.(exe|dll|js|vbs|bat|hta)/ nocase
  condition:
    part == "command" and any of ($shell_*) and any of ($load_*) and any of ($run_*)
}

rule shortcut_runs_encoded_command {
  meta:
    description = "A shortcut that runs an encoded or hidden PowerShell command."
    level = "high"
    tactic = "execution"
    techniques = "T1204.002 T1059.001 T1027.010"
  strings:
    $shell = "powershell" nocase
    $encoded = /\s-(e|en|enc|encodedcommand)\s{1,4}[A-Za-z0-9+\/]{32}/ nocase
  condition:
    part == "command" and all of them
}
