interface PublicInstaller {
  readonly name: string;
  /** Addresses in their own documentation; nobody else can put something there. */
  readonly addresses: readonly string[];
}

const installers: readonly PublicInstaller[] = [
  {
    name: 'Chocolatey',
    addresses: ['https://community.chocolatey.org/install.ps1', 'https://chocolatey.org/install.ps1'],
  },
  {
    name: 'Scoop',
    addresses: [
      'https://get.scoop.sh',
      'https://raw.githubusercontent.com/ScoopInstaller/Install/master/install.ps1',
    ],
  },
  { name: 'PowerShell', addresses: ['https://aka.ms/install-powershell.ps1'] },
  {
    name: '.NET',
    addresses: [
      'https://dot.net/v1/dotnet-install.ps1',
      'https://builds.dotnet.microsoft.com/dotnet/scripts/v1/dotnet-install.ps1',
    ],
  },
  { name: 'uv', addresses: ['https://astral.sh/uv/install.ps1'] },
  { name: 'pnpm', addresses: ['https://get.pnpm.io/install.ps1'] },
  { name: 'Bun', addresses: ['https://bun.sh/install.ps1', 'https://bun.com/install.ps1'] },
  { name: 'Deno', addresses: ['https://deno.land/install.ps1'] },
  { name: 'Oh My Posh', addresses: ['https://ohmyposh.dev/install.ps1'] },
  { name: 'Boxstarter', addresses: ['https://boxstarter.org/bootstrapper.ps1'] },
];

const longest = 1024;
const evaluate = '(?:iex|invoke-expression)';
const address = `(?:'(?<quoted>https:[^'"\\s$\`]+)'|"(?<double>https:[^'"\\s$\`]+)"|(?<bare>https:[^'"\\s$\`|;)]+))`;
const downloaded = `\\(\\s*new-object (?:system\\.)?net\\.webclient\\s*\\)\\.downloadstring\\(\\s*${address}\\s*\\)`;
const requested = `(?:irm|iwr|invoke-restmethod|invoke-webrequest)(?: -useb(?:asicparsing)?)?(?: -uri)? ${address}(?: -useb(?:asicparsing)?)?`;

const plainArguments = '(?: -?[\\w.]+)*';

/** A statement that fetches a script and runs it, and nothing more. */
const starts = [
  `${evaluate} ?\\(?\\s*${downloaded}\\s*\\)?`,
  `${downloaded} ?\\| ?${evaluate}`,
  `${evaluate} ?\\(\\s*${requested}\\s*\\)`,
  `${requested} ?\\| ?${evaluate}`,
  `${evaluate} ?"& ?\\{ ?\\$\\(\\s*${requested}\\s*\\) ?\\}${plainArguments}"`,
  `& ?\\(\\s*\\[scriptblock\\]::create\\(\\s*\\(\\s*${requested}\\s*\\)\\s*\\)\\s*\\)${plainArguments}`,
].map((shape) => new RegExp(`^(?:${shape})$`, 'i'));

/** What the documentation has around it. Plain words only: no address, no path, nothing that is computed. */
const companions = [
  /^set-executionpolicy(?: -executionpolicy)?(?: (?:bypass|remotesigned|unrestricted|allsigned)| -scope (?:process|currentuser)| -force)+$/i,
  /^\[(?:system\.)?net\.servicepointmanager\]::securityprotocol ?= ?(?:\[(?:system\.)?net\.servicepointmanager\]::securityprotocol -bor )?(?:3072|'tls12'|\[(?:system\.)?net\.securityprotocoltype\]::tls12)$/i,
  /^\$(?:progresspreference|erroractionpreference) ?= ?'(?:silentlycontinue|stop|continue)'$/i,
  /^(?:choco|scoop|winget) (?:install|upgrade|update|bucket add|feature enable)(?: [\w.@-]+)*$/i,
];

/** Some documentation starts another shell for it; one that hides its window is not meant. */
const shell =
  /^\s*(?:powershell|pwsh)(?:\.exe)?(?: -nop(?:rofile)?| -noninteractive| -(?:executionpolicy|ep|ex) \w+)* -c(?:ommand)? "([^"]+)"\s*$/i;

/**
 * The documented start of a public installer is the same few statements that every downloader has; the address is what
 * tells them apart. Only a text that holds nothing else is recognized, so nothing can be hidden behind it.
 * @returns the name of the installer that the script starts, or undefined
 */
export function publicInstaller(text: string): string | undefined {
  if (text.length > longest) return undefined;
  const statements = (shell.exec(text)?.[1] ?? text)
    .split(/[;\r\n]/)
    .map((statement) => statement.replace(/\s+/g, ' ').trim())
    .filter((statement) => statement !== '');
  const started = statements.filter((statement) => !companions.some((shape) => shape.test(statement)));
  const [start, more] = started;
  return start === undefined || more !== undefined ? undefined : installerOf(start);
}

function installerOf(statement: string): string | undefined {
  for (const shape of starts) {
    const found = Object.values(shape.exec(statement)?.groups ?? {}).find((group) => group !== undefined);
    if (found !== undefined) return installers.find(({ addresses }) => addresses.includes(found))?.name;
  }
  return undefined;
}
