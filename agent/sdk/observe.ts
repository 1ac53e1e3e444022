import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, extname, resolve } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { canonicalCommandLine, canonicalScript, sha256Hex } from '../../contracts/canonical.ts';
import { defaultLimits } from '../../contracts/limits.ts';
import type { ReportInput } from '../../contracts/report.ts';
import { entropyOf } from '../../formats/entropy.ts';
import { parsePe } from '../../formats/pe/parse-pe.ts';
import { peFacts } from '../../formats/pe/pe-facts.ts';

/** Larger files are reported by their digests alone. */
const largestParsedBytes = 256 * 1024 * 1024;

function observation(
  detectionSource: ReportInput['detectionSource'],
  localAction: ReportInput['localAction'],
): Pick<ReportInput, 'id' | '@timestamp' | 'detectionSource' | 'localAction'> {
  return { id: uuidv7(), '@timestamp': new Date().toISOString(), detectionSource, localAction };
}

/** The name of whoever uses the machine stays on it. */
function withoutUserProfile(path: string): string {
  const home = homedir();
  return home.length > 1 && path.startsWith(home) ? `%USERPROFILE%${path.slice(home.length)}` : path;
}

async function readAndHash(path: string, keep: boolean) {
  const digests = { sha256: createHash('sha256'), sha1: createHash('sha1'), md5: createHash('md5') };
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    for (const digest of Object.values(digests)) digest.update(chunk);
    sizeBytes += chunk.length;
    if (keep) chunks.push(chunk);
  }
  const { sha256, sha1, md5 } = digests;
  const hash = { sha256: sha256.digest('hex'), sha1: sha1.digest('hex'), md5: md5.digest('hex') };
  return { hash, sizeBytes, bytes: keep ? Buffer.concat(chunks) : null };
}

/**
 * Describes a file that is held before it runs: digests, size and, of a Windows executable, everything its headers say.
 * @throws the error of the file system, such as ENOENT or EISDIR
 */
export async function observeFile(path: string): Promise<ReportInput> {
  const { size, mtime } = await stat(path);
  const { hash, sizeBytes, bytes } = await readAndHash(path, size <= largestParsedBytes);
  const parsed = bytes && parsePe(bytes);
  const facts = parsed?.outcome === 'parsed' ? peFacts(parsed.pe) : null;
  const extension = extname(path).slice(1).toLowerCase();
  return {
    ...observation('antivirus', 'held'),
    artifact: { kind: 'file', hash },
    file: {
      name: basename(path),
      path: withoutUserProfile(resolve(path)),
      ...(extension !== '' && { extension }),
      size: sizeBytes,
      mtime: mtime.toISOString(),
      ...(facts && { pe: facts.pe, code_signature: facts.codeSignature }),
    },
    firebreak: {
      ...(facts && { pe: facts.firebreakPe }),
      ...(bytes && { file: { entropy: entropyOf(bytes) } }),
    },
  };
}

/** Describes a command line that is held before it runs. */
export function observeCommandLine(commandLine: string): ReportInput {
  return {
    ...observation('edr', 'held'),
    artifact: { kind: 'command-line', ...boundedText(commandLine, canonicalCommandLine(commandLine)) },
  };
}

/** Describes a script that is held before it runs. */
export function observeScript(text: string, name: string): ReportInput {
  return {
    ...observation('script-scan', 'held'),
    artifact: { kind: 'script', ...boundedText(text, canonicalScript(text)) },
    file: { name },
  };
}

/** Text beyond the limit goes as digest of the whole, size, head and tail: the head holds the stage, the tail the payload. */
function boundedText(text: string, canonical: string): Omit<ReportInput['artifact'], 'kind'> {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= defaultLimits.textBytes) return { text: text.toWellFormed() };
  const half = Math.floor(defaultLimits.textBytes / 2);
  // A cut inside of a character decodes to a replacement mark of three bytes: leave room for it.
  const part = (from: number, to: number) => bytes.subarray(from, to).toString('utf8');
  return {
    text: part(0, half - 4) + part(bytes.length - half + 4, bytes.length),
    hash: { sha256: sha256Hex(canonical) },
    size: bytes.length,
    truncated: true,
  };
}
