import { z } from 'zod';
import { sha256Schema } from '../artifact.ts';
import { namedArtifactKeySchema } from '../canonical.ts';
import { detonationSchema } from '../detonation.ts';
import type { Operation } from '../operation.ts';
import { answer, problem } from './lists.ts';

/** What is asked of a report of CAPE (`report.json`); its other parts are as CAPE writes them. */
const capeReportDocument = z
  .looseObject({
    info: z.looseObject({ version: z.string().optional(), id: z.int().optional() }),
    target: z.looseObject({ category: z.string(), file: z.looseObject({ sha256: sha256Schema }) }),
    signatures: z.array(z.looseObject({ name: z.string() })).optional(),
  })
  .meta({ id: 'CapeReport' });

const exampleKey = `file:sha256:${'9f'.repeat(32)}`;

export const takeDetonationOperation = {
  id: 'takeDetonation',
  method: 'POST',
  path: '/v1/artifacts/{key}/detonations',
  tag: 'detonations',
  summary:
    'Hands in what a sandbox (CAPE) saw a file do: evidence in this organization, which decides on the file again; the same report again changes nothing',
  access: { kind: 'person', role: 'analyst' },
  params: z.object({ key: namedArtifactKeySchema }),
  takesBytes: 'application/json',
  bodyDocument: capeReportDocument,
  answers: {
    200: answer('Understood, and evidence for nothing: nothing ran in the sandbox.', detonationSchema),
    202: answer('In the log; the organization’s case is decided again.', detonationSchema),
    400: problem(
      'FB_BODY_NOT_JSON, FB_BODY_TOO_DEEP; FB_BODY_INVALID: it is no CAPE report; FB_HASH_CONFLICT: it is about another file; FB_QUERY_INVALID: the key is none of a file or script.',
    ),
    409: problem('FB_SAMPLE_UNREPORTED: no device of the organization reported the file (yet).'),
    413: problem('FB_BODY_TOO_LARGE.'),
  },
  examples: {
    body: {
      info: { version: '2.4-CAPE', id: 41 },
      target: { category: 'file', file: { sha256: '9f'.repeat(32) } },
      signatures: [
        { name: 'ransomware_file_modifications', description: 'Modifies many files', severity: 3 },
        { name: 'deletes_shadow_copies', description: 'Deletes shadow copies', severity: 3 },
      ],
    },
    answers: {
      202: {
        id: '3b1c0d2e-5f60-8a71-9b82-a3c4d5e6f708',
        artifact: exampleKey,
        sandbox: { version: '2.4-CAPE', analysis: 41 },
        classifier: 'detonation',
        version: '1.0.0',
        probability: 0.988,
        threshold: 0.98,
        reason: null,
        evidence: [
          {
            code: 'cape:ransomware_file_modifications',
            title: 'Modifies many files',
            content: false,
            level: 'high',
            tactic: 'impact',
            techniques: ['T1486'],
          },
        ],
      },
    },
  },
} as const satisfies Operation;

export const detonationOperations: readonly Operation[] = [takeDetonationOperation];
