import "pe"

rule imports_to_write_into_another_process {
  meta:
    description = "Imports what allocates memory in another process, writes into it and starts a thread there."
    level = "medium"
    tactic = "defense-evasion"
    techniques = "T1055.002"
  condition:
    pe.is_pe and
    (pe.imports("kernel32.dll", "VirtualAllocEx") or pe.imports("ntdll.dll", "NtAllocateVirtualMemory")) and
    (pe.imports("kernel32.dll", "WriteProcessMemory") or pe.imports("ntdll.dll", "NtWriteVirtualMemory")) and
    (
      pe.imports("kernel32.dll", "CreateRemoteThread") or
      pe.imports("kernel32.dll", "CreateRemoteThreadEx") or
      pe.imports("ntdll.dll", "NtCreateThreadEx") or
      pe.imports("ntdll.dll", "RtlCreateUserThread")
    )
}

rule imports_to_hollow_a_process {
  meta:
    description = "Imports what empties a suspended process, fills it with other code and lets it go on."
    level = "medium"
    tactic = "defense-evasion"
    techniques = "T1055.012"
  condition:
    pe.is_pe and
    (pe.imports("ntdll.dll", "NtUnmapViewOfSection") or pe.imports("ntdll.dll", "ZwUnmapViewOfSection")) and
    (pe.imports("kernel32.dll", "WriteProcessMemory") or pe.imports("ntdll.dll", "NtWriteVirtualMemory")) and
    (pe.imports("kernel32.dll", "SetThreadContext") or pe.imports("kernel32.dll", "Wow64SetThreadContext")) and
    pe.imports("kernel32.dll", "ResumeThread")
}

rule imports_to_queue_calls_into_another_process {
  meta:
    description = "Imports what writes into another process and queues a call of it on one of its threads."
    level = "medium"
    tactic = "defense-evasion"
    techniques = "T1055.004"
  condition:
    pe.is_pe and
    pe.imports("kernel32.dll", "VirtualAllocEx") and
    pe.imports("kernel32.dll", "WriteProcessMemory") and
    (pe.imports("kernel32.dll", "QueueUserAPC") or pe.imports("ntdll.dll", "NtQueueApcThread"))
}

rule library_that_loads_itself {
  meta:
    description = "Exports a function that maps the library into memory without the system's loader."
    level = "high"
    tactic = "defense-evasion"
    techniques = "T1620"
  condition:
    pe.is_pe and
    (
      pe.exports("ReflectiveLoader") or
      pe.exports("_ReflectiveLoader@4") or
      pe.exports("?ReflectiveLoader@@YA_KPEAX@Z")
    )
}

rule code_that_finds_functions_by_hash {
  meta:
    description = "Position-independent code that finds the functions of the system by the hashes of their names."
    level = "high"
    tactic = "execution"
    techniques = "T1106 T1027.007"
  strings:
    // cld; call over the block; then the walk over the loaded modules begins at the thread's environment.
    $x64 = { FC 48 83 E4 F0 E8 ?? 00 00 00 41 51 41 50 52 51 56 48 31 D2 65 48 8B 52 60 }
    $x86 = { FC E8 ?? 00 00 00 60 89 E5 31 (C0 | D2) 64 8B (50 | 52) 30 8B 52 0C 8B 52 14 }
    // The rotation by 13 and its addition, in the middle of the same walk.
    $rotation = { AC 3C 61 7C 02 2C 20 (C1 CF 0D 01 C7 | 41 C1 C9 0D 41 01 C1) }
  condition:
    any of ($x*) or ($rotation and filesize < 64KB)
}

rule remote_control_agent {
  meta:
    description = "Formats and names of a widely abused commercial remote control agent."
    level = "critical"
    tactic = "command-and-control"
    techniques = "T1071.001 T1055"
  strings:
    $pipe = "\\\\.\\pipe\\msagent_"
    $cradle = "IEX (New-Object Net.Webclient).DownloadString('http://127.0.0.1:%u/')"
    $token = "could not create remote thread in %d: %d"
    $spawn = "could not spawn %s (token): %d"
    $library32 = "beacon.dll" fullword
    $library64 = "beacon.x64.dll" fullword
  condition:
    uint16(0) == 0x5A4D and 2 of them and filesize < 4MB
}
