import { AssignerProtocol } from 'kafkajs';
import { z } from 'zod';
import { assignSlots, type Candidate } from './assignment.ts';

/** How members of a group say what they want and hold, and how the leader says what each is given. */
export const protocolName = 'firebreak-slots';

/** What a member says of itself when it joins, besides the topics that it wants. */
const claimsSchema = z.object({ generation: z.int(), slots: z.array(z.int().nonnegative()) });
type Claims = z.infer<typeof claimsSchema>;
const noClaims: Claims = { generation: -1, slots: [] };

export interface JoinedMember {
  readonly memberId: string;
  readonly memberMetadata: Buffer;
}

export interface MemberAssignment {
  readonly memberId: string;
  readonly memberAssignment: Buffer;
}

export function encodeCandidate(topics: readonly string[], claims: Claims): Buffer {
  return AssignerProtocol.MemberMetadata.encode({
    version: 1,
    topics: [...topics],
    userData: Buffer.from(JSON.stringify(claims)),
  });
}

/** @param partitionsOf how many partitions a topic has */
export function assign(
  members: readonly JoinedMember[],
  partitionsOf: (topic: string) => number,
): readonly MemberAssignment[] {
  const candidates = members.map(readCandidate);
  const counts = new Map<string, number>();
  for (const topic of new Set(candidates.flatMap(({ topics }) => topics)))
    counts.set(topic, partitionsOf(topic));
  const assigned = assignSlots(candidates, Math.max(...counts.values()));
  return candidates.map(({ memberId, topics }) => {
    const slots = assigned.get(memberId) ?? [];
    const assignment = Object.fromEntries(
      topics.map((topic) => [topic, slots.filter((slot) => slot < (counts.get(topic) ?? 0))]),
    );
    const userData = Buffer.alloc(0);
    const memberAssignment = AssignerProtocol.MemberAssignment.encode({ version: 1, assignment, userData });
    return { memberId, memberAssignment };
  });
}

/** @returns the slots, ascending */
export function readAssignment(memberAssignment: Buffer): readonly number[] {
  const assignment = AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {};
  return [...new Set(Object.values(assignment).flat())].sort((a, b) => a - b);
}

function readCandidate({ memberId, memberMetadata }: JoinedMember): Candidate {
  const metadata = AssignerProtocol.MemberMetadata.decode(memberMetadata);
  return { memberId, topics: metadata?.topics ?? [], ...readClaims(metadata?.userData) };
}

function readClaims(bytes: Buffer | undefined): Claims {
  try {
    const claims = claimsSchema.safeParse(JSON.parse(bytes?.toString() ?? ''));
    return claims.data ?? noClaims;
  } catch {
    return noClaims;
  }
}
