import { z } from 'zod';
import { artifactKeySchema } from './artifact.ts';
import { scoreEvidenceSchema } from './score.ts';

/** What was understood of a sandbox's report. */
export const detonationSchema = z
  .object({
    id: z.uuid().describe('Of the finding: the same report has the same. Decisions that follow name it.'),
    artifact: artifactKeySchema,
    sandbox: z
      .object({ version: z.string().nullable(), analysis: z.int().nullable() })
      .describe('As the report names them.'),
    classifier: z.string(),
    version: z.string(),
    probability: z.number().nullable().describe('Null: nothing ran, which is evidence for nothing.'),
    threshold: z.number().describe('From here on it is, alone, enough for a block in the organization.'),
    reason: z.string().nullable().describe('Why there is no probability.'),
    evidence: z.array(scoreEvidenceSchema).describe('Signatures and families, strongest first.'),
  })
  .meta({ id: 'Detonation' });
export type Detonation = z.infer<typeof detonationSchema>;
