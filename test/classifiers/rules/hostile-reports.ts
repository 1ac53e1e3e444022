import fc from 'fast-check';
import { reportSchema } from '../../../contracts/report.ts';

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    'powershell -enc ',
    'C:\\x\\powershell.exe',
    '"',
    '%USERPROFILE%\\a',
    '\\winword.exe',
    'hello',
    'HKLM\\\\',
    '://',
    '1',
  ),
);
const maybe = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> =>
  fc.record(fields, { requiredKeys: [] });
const id = fc.constantFrom('1', '2', '3');
const process = {
  entity_id: id,
  executable: text,
  command_line: text,
  working_directory: text,
  user: maybe({ name: text, domain: text }),
};
const actor = maybe({ ...process, parent: maybe(process) });
const entry = maybe({
  event: maybe({
    action: text,
    category: fc.constantFrom(['driver'], ['process'], []),
    type: fc.array(fc.constantFrom('start', 'end', 'deletion', 'creation'), { maxLength: 2 }),
  }),
  process: actor,
  file: maybe({ path: text }),
  dll: maybe({ path: text }),
  registry: maybe({
    path: text,
    key: text,
    value: text,
    hive: text,
    data: maybe({ type: fc.constantFrom('REG_DWORD', 'REG_SZ'), strings: fc.array(text, { maxLength: 2 }) }),
  }),
  destination: maybe({ ip: text, port: fc.nat(65_535) }),
  dns: maybe({ question: maybe({ name: text }) }),
  url: maybe({ full: text }),
  firebreak: maybe({ target: fc.record({ process: fc.record({ entity_id: id }) }) }),
});
const artifact = fc.oneof(
  fc.record({ kind: fc.constantFrom('script', 'command-line'), text }),
  fc.record({ kind: fc.constantFrom('domain', 'ip', 'url'), value: text }),
  fc.constant({ kind: 'file', hash: { sha256: 'a'.repeat(64) } }),
);
/** Reports as hostile as the contract lets them be; most of them pass it. */
export const hostileReports = fc
  .record({
    artifact,
    process: actor,
    events: fc.array(entry, { maxLength: 6 }),
    file: maybe({ path: text, name: text }),
  })
  .map((report) =>
    reportSchema.safeParse({
      id: '0190a4c0-0000-7000-8000-000000000000',
      '@timestamp': '2026-01-01T00:00:00.000Z',
      detectionSource: 'edr',
      localAction: 'allowed',
      ...report,
    }),
  );
