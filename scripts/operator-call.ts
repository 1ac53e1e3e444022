import { problemSchema } from '../contracts/errors.ts';
import { credentialsFile, readCredentials } from '../services/host/credentials.ts';

/**
 * Calls the running service as the operator, with the credentials of its data folder.
 * @throws Error in a sentence, where nothing answers or the service refuses
 */
export async function callAsOperator(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
  const { baseUrl, operatorToken } = credentials();
  const response = await fetch(new URL(path, baseUrl), {
    method,
    headers: {
      authorization: `Bearer ${operatorToken}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw new Error(`Nothing answers at ${baseUrl}: start the service first.`, { cause: error });
  });
  const answer: unknown = await response.json();
  if (response.ok) return answer;
  const problem = problemSchema.safeParse(answer);
  throw new Error(
    problem.success
      ? `${problem.data.detail} (${problem.data.code})`
      : `The service answered ${response.status}.`,
  );
}

function credentials() {
  const dataDir = process.env['FIREBREAK_DATA_DIR'] ?? '.firebreak';
  const found = readCredentials(dataDir);
  if (found === null)
    throw new Error(
      `${credentialsFile(dataDir)} cannot be read: start the service once, or name its folder with FIREBREAK_DATA_DIR.`,
    );
  return found;
}
