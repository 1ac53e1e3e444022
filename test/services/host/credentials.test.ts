import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentialsFile, readCredentials, writeCredentials } from '../../../services/host/credentials.ts';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'firebreak-credentials-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('what was written last is read, and only its owner may read it', () => {
  const dataDir = join(folder, 'data');
  expect(readCredentials(dataDir)).toBeNull();
  writeCredentials(dataDir, { baseUrl: 'http://127.0.0.1:1', operatorToken: 'fbo_1' });
  writeCredentials(dataDir, { baseUrl: 'http://127.0.0.1:2', operatorToken: 'fbo_1' });
  expect(readCredentials(dataDir)).toEqual({ baseUrl: 'http://127.0.0.1:2', operatorToken: 'fbo_1' });
  expect(statSync(credentialsFile(dataDir)).mode & 0o777).toBe(0o600);
  expect(readdirSync(dataDir)).toEqual(['credentials.json']);
});

test('a file that is not ours counts as none', () => {
  writeFileSync(credentialsFile(folder), '{"baseUrl": 1}');
  expect(readCredentials(folder)).toBeNull();
});
