import { createHash } from 'node:crypto';
import type { ReportInput } from '../contracts/report.ts';

/**
 * A stream of reports as a fleet makes them, by number: the same number is always the same report but for its id and
 * time. Mostly command lines and files of a pool of artifacts, now and then something new, rarely something hostile.
 */
export interface Corpus {
  report(n: number): Omit<ReportInput, 'id' | '@timestamp'>;
}

const programs = [
  'notepad',
  'excel',
  'winword',
  'chrome',
  'msedge',
  'teams',
  'outlook',
  'acrobat',
  'code',
  'git',
];

/** Deterministic: splitmix32 over the number. @returns from 0 to below 1 */
export function draw(n: number, stream: number): number {
  let z = (Math.imul(n, 0x9e3779b9) + Math.imul(stream, 0x85ebca6b)) >>> 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return ((z ^ (z >>> 15)) >>> 0) / 4_294_967_296;
}

function fileReport(artifact: number): Omit<ReportInput, 'id' | '@timestamp'> {
  const name = `${programs[artifact % programs.length] ?? 'app'}-${artifact}.exe`;
  const sha256 = createHash('sha256').update(`bench file ${artifact}`).digest('hex');
  const header = {
    machine: 34404,
    number_of_sections: 5,
    characteristics: 34,
    magic: 523,
    size_of_code: 4096 * (1 + (artifact % 90)),
    size_of_initialized_data: 81_920,
    address_of_entry_point: 4096 + (artifact % 997),
    section_alignment: 4096,
    file_alignment: 512,
    subsystem: 2,
    dll_characteristics: 33_120,
    size_of_image: 262_144,
    size_of_headers: 1024,
  };
  const sections = ['.text', '.rdata', '.data', '.rsrc', '.reloc'].map((section, index) => ({
    name: section,
    entropy: 2 + index + draw(artifact, index) / 2,
    virtual_size: 65_536,
    physical_size: 65_536,
  }));
  return {
    detectionSource: 'antivirus',
    localAction: 'allowed',
    artifact: { kind: 'file', hash: { sha256 } },
    file: {
      name,
      path: `C:\\Program Files\\Vendor\\${name}`,
      size: 184_320,
      pe: { architecture: 'x64', sections },
      code_signature: { exists: true },
    },
    process: { entity_id: `boot:${artifact}`, pid: 4242, executable: 'C:\\Windows\\explorer.exe' },
    firebreak: { pe: { header } },
  };
}

function commandReport(artifact: number): Omit<ReportInput, 'id' | '@timestamp'> {
  const program = programs[artifact % programs.length] ?? 'app';
  return {
    detectionSource: 'edr',
    localAction: 'allowed',
    artifact: {
      kind: 'command-line',
      text: `C:\\Program Files\\Vendor\\${program}.exe --profile ${artifact} --type=renderer --lang=en-GB`,
    },
    process: {
      entity_id: `boot:${artifact}`,
      pid: 4242,
      executable: `C:\\Program Files\\Vendor\\${program}.exe`,
      hash: { sha256: createHash('sha256').update(program).digest('hex') },
      parent: { executable: 'C:\\Windows\\explorer.exe' },
    },
  };
}

/** @param marker makes the hostile command lines of a run unlike those of any other */
export function hostileReport(marker: string): Omit<ReportInput, 'id' | '@timestamp'> {
  return {
    detectionSource: 'edr',
    localAction: 'allowed',
    artifact: {
      kind: 'command-line',
      text: `rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 640 C:\\Users\\Public\\${marker}.dmp full`,
    },
  };
}

/** @returns what a device says of an artifact, by its number */
export function reportOn(artifact: number): Omit<ReportInput, 'id' | '@timestamp'> {
  return draw(artifact, 3) < 0.5 ? fileReport(artifact) : commandReport(artifact);
}

/** @param artifacts size of the pool; @param newShare share of reports about something never seen before */
export function createCorpus(artifacts: number, newShare: number): Corpus {
  return {
    report: (n) => reportOn(draw(n, 1) < newShare ? artifacts + n : Math.floor(draw(n, 2) * artifacts)),
  };
}
