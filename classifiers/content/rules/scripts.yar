private rule teaches_defence {
  strings:
    $a = "logsource:" nocase
    $b = "falsepositives" nocase
    $c = /attack\.t1\d{3}/ nocase
    $d = "attack_technique:" nocase
  condition:
    any of them
}

rule web_shell {
  meta:
    description = "A page that runs whatever a request sends to it."
    level = "high"
    tactic = "persistence"
    techniques = "T1505.003"
  strings:
    $php = "<?php" nocase
    $php_run_1 = /\b(eval|assert)\s{0,4}\(\s{0,4}(base64_decode\s{0,4}\(|gzinflate\s{0,4}\(|stripslashes\s{0,4}\()?\s{0,4}\$_(POST|GET|REQUEST|COOKIE)\b/ nocase
    $php_run_2 = /\b(system|passthru|shell_exec|popen|proc_open)\s{0,4}\(\s{0,4}\$_(POST|GET|REQUEST|COOKIE)\b/ nocase
    $asp = "<%@" nocase
    $asp_run = /\beval\s{0,4}\(\s{0,4}Request(\.Item)?\s{0,4}[\[(]/ nocase
    $jsp_run = /Runtime\.getRuntime\(\)\.exec\(\s{0,4}request\.getParameter\(/
  condition:
    filesize < 1MB and (($php and any of ($php_run_*)) or ($asp and $asp_run) or $jsp_run) and not teaches_defence
}

rule script_drops_and_runs {
  meta:
    description = "A script for the script host that downloads a file, writes it and starts it."
    level = "medium"
    tactic = "execution"
    techniques = "T1059.005 T1059.007 T1105"
  strings:
    $request_1 = "MSXML2.XMLHTTP" nocase
    $request_2 = "MSXML2.ServerXMLHTTP" nocase
    $request_3 = "WinHttp.WinHttpRequest" nocase
    $write = "ADODB.Stream" nocase
    $save = "SaveToFile" nocase
    $run_1 = "WScript.Shell" nocase
    $run_2 = "Shell.Application" nocase
  condition:
    uint16(0) != 0x5A4D and filesize < 1MB and any of ($request_*) and $write and $save and any of ($run_*) and
    not teaches_defence
}

rule script_runs_memory {
  meta:
    description = "A script that puts machine code into memory and starts it."
    level = "medium"
    tactic = "execution"
    techniques = "T1059.001 T1620"
  strings:
    $alloc = "VirtualAlloc" nocase
    $copy = "Marshal]::Copy" nocase
    $start_1 = "CreateThread" nocase
    $start_2 = "GetDelegateForFunctionPointer" nocase
    $code = /0x(fc|48|31),\s{0,4}0x[0-9a-f]{2},\s{0,4}0x[0-9a-f]{2},\s{0,4}0x[0-9a-f]{2},\s{0,4}0x[0-9a-f]{2}/ nocase
  condition:
    uint16(0) != 0x5A4D and filesize < 2MB and $alloc and $copy and any of ($start_*) and $code and
    not teaches_defence
}

rule reverse_shell {
  meta:
    description = "A command that ties a shell to a connection."
    level = "medium"
    tactic = "command-and-control"
    techniques = "T1059.004 T1095"
  strings:
    $bash = /(ba)?sh\s{1,4}-i\s{0,4}[0-9]?>&?\s{0,4}\/dev\/tcp\// nocase
    $pipe = /mkfifo\s[^;\n]{1,64};[^\n]{0,64}\|\s{0,4}(\/bin\/)?(ba)?sh\s{1,4}-i[^\n]{0,64}\|\s{0,4}nc\s/
    $python = /socket\.socket\([^\n]{0,160}os\.dup2\([^\n]{0,160}(\/bin\/(ba)?sh|pty\.spawn)/
  condition:
    uint16(0) != 0x5A4D and filesize < 1MB and any of them and not teaches_defence
}
