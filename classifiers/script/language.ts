import type { Report } from '../../contracts/report.ts';

/** What only PowerShell writes: variables, cmdlets, static members, its operators. No pattern can run over a line's end and back. */
const powershellSign =
  /(?<!\w)\$[a-z_{(]|\b(?:add|clear|connect|convertto|disable|enable|export|foreach|format|get|import|install|invoke|new|out|read|register|remove|rename|restart|select|set|sort|start|stop|test|update|where|write)-[a-z]{3}|\]::\w|\bparam ?\(|\s-(?:eq|ne|like|match|join|split|bxor|replace|noprofile|nop|enc|encodedcommand)\b/giu;
/** What VBScript, VBA, JScript, batch files, Python and HTML write and PowerShell does not. */
const otherSign =
  /\b(?:dim|redim|private sub|public sub|end sub|end function|end if|option explicit|on error resume|elif|def|endlocal|setlocal)\b|\b(?:createobject|getobject|activexobject|parseint|unescape|eval) ?\(|\bwscript\.\w|\b(?:var|let|const) \w+ ?=|===|@echo o|<\/?(?:script|html|job|package|hta:application)\b|\bfrom \w+ import\b|%~?\w+%|\bfunction ?\(|^#!\/(?:usr\/)?bin\//gimu;
const enoughSigns = 2;

const otherExtensions = /\.(?:js|jse|vbs|vbe|vba|bas|wsf|wsh|hta|bat|cmd|py|sh|php|pl|rb|sct|lua)$/iu;
const otherHosts =
  /(?:^|\\)(?:wscript|cscript|mshta|winword|excel|powerpnt|outlook|msaccess|visio|python\w?|node|bash|cmd)\.exe$/iu;

function atLeast(pattern: RegExp, text: string): boolean {
  pattern.lastIndex = 0;
  for (let found = 0; found < enoughSigns; found++) if (!pattern.test(text)) return false;
  return true;
}

/**
 * Whether a script is of another language than the one that this model knows. The text decides: names and host programs
 * are testimony and tip the scale only where the text has next to nothing of PowerShell, so that renaming hides nothing.
 */
export function isOtherLanguage({ artifact, file, process }: Report): boolean {
  const text = artifact.text?.replaceAll('\0', '') ?? '';
  if (atLeast(powershellSign, text)) return false;
  return (
    atLeast(otherSign, text) ||
    otherExtensions.test(file?.name ?? file?.path ?? '') ||
    otherHosts.test(process?.executable ?? '')
  );
}
