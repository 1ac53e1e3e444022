import { finish, FNV_OFFSET, hashByte, hashText } from '../hashing.ts';
import { programNames } from '../behavior/program-names.ts';

/** What the tokenizer knows beforehand: classes of code units, the language's own names, and the markers of what only an author named. */

export const codeOf = (name: string) => finish(hashText(FNV_OFFSET, name));
const marker = (name: string) => codeOf(`\u0001${name}`);

export const VARIABLE = marker('variable');
export const PROGRAM = marker('program');
export const PIPE = marker('pipe');
export const CALL = marker('call');
export const STATIC = marker('static');
export const ADDRESS = marker('address');
export const URL_NAME = marker('url');
export const URL_ADDRESS = marker('url-address');
export const [NUMBER, FEW_NUMBERS, MANY_NUMBERS] = [
  marker('number'),
  marker('numbers'),
  marker('number-list'),
];
export const [HEX, FEW_HEX, MANY_HEX] = [marker('hex'), marker('hexes'), marker('hex-list')];
export const OPTION_SEED = hashByte(FNV_OFFSET, 0x2d);
export const VARIABLE_SEED = hashByte(FNV_OFFSET, 0x24);
export const EXTENSION_SEED = hashByte(FNV_OFFSET, 0x2e);

export const blobLength = 40;
export const manyNumbers = 8;
export const longestWord = 64;

const codesOf = (names: string) => new Set(names.split(' ').map(codeOf));
/** Variables of the language itself: everybody's, so their names mean something. */
export const languageVariables = codesOf(
  '_ true false null this args input matches error home host pid profile pshome pwd executioncontext myinvocation ' +
    'psboundparameters pscmdlet pscommandpath psscriptroot psversiontable psitem lastexitcode erroractionpreference ' +
    'progresspreference warningpreference verbosepreference shellid stacktrace ofs iswindows islinux ismacos psculture ' +
    'psuiculture verbosePreference debugpreference confirmpreference whatifpreference nestedpromptlevel foreach switch',
);
export const scopes = codesOf('global script local private using function variable');
export const environmentScope = codeOf('env');
export const schemes = codesOf('http https ftp ftps');
export const executables = codesOf('exe scr com dll ps1 psm1 bat cmd vbs js hta msi jar lnk sys cpl');
export const castWord = codeOf('char');
export const knownPrograms: ReadonlySet<number> = new Set(Array.from(programNames, codeOf));

/** Classes of a code unit: 0 other, 1 letter, 2 digit, 3 underscore and what is beyond ASCII. */
const classes = Uint8Array.from({ length: 128 }, (_, unit) => {
  if (unit >= 0x30 && unit <= 0x39) return 2;
  if ((unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x7a) return 1;
  return unit === 0x5f ? 3 : 0;
});
export const classOf = (unit: number) => (unit < 128 ? (classes[unit] ?? 0) : unit > 0xbf ? 3 : 0);
export const lower = (unit: number) => (unit >= 0x41 && unit <= 0x5a ? unit | 0x20 : unit);
export const isHexDigit = (unit: number) =>
  classOf(unit) === 2 || ((unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x66);
export const isBlobUnit = (unit: number) =>
  classOf(unit) === 1 || classOf(unit) === 2 || unit === 0x2b || unit === 0x2f || unit === 0x3d;
/** What may stand between the numbers of one list. */
export const isSeparator = (unit: number) =>
  unit === 0x20 || unit === 0x0a || unit === 0x09 || unit === 0x2c || unit === 0x3b || unit === 0x3a;
