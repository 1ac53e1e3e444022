import { describe, expect, test } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { sha256Hex } from '../../../contracts/canonical.ts';
import { loadModel } from '../../../platform/onnx/model.ts';

const behaviorModel = new URL('../../../classifiers/behavior/model.onnx', import.meta.url);

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-onnx-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('loadModel', () => {
  test('a model with the digest of its manifest runs, for any batch size', async () => {
    const sha256 = sha256Hex(await readFile(behaviorModel));
    const model = await loadModel({ url: behaviorModel, sha256, output: 'scores' });
    const views = 4;
    for (const size of [1, 3, 64]) {
      const scores = await model.run({
        rows: { values: new Int32Array(size * 2), shape: [size, 2] },
        scales: { values: new Float32Array(size * views).fill(1), shape: [size, views] },
      });
      expect(scores).toHaveLength(size * views);
      expect(new Set(scores).size).toBeLessThanOrEqual(views);
    }
    await model.release();
  });

  test('the runtime keeps nothing of its own about this device, to be uploaded to its maker', async () => {
    await inFolder(async (home) => {
      const sha256 = sha256Hex(await readFile(behaviorModel));
      const program = `
        const { loadModel } = await import(${JSON.stringify(new URL('../../../platform/onnx/model.ts', import.meta.url).href)});
        const url = new URL(${JSON.stringify(behaviorModel.href)});
        await loadModel({ url, sha256: '${sha256}', output: 'scores' });
      `;
      const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
      // Not in this process: the runtime reads the true environment, of which a test has a copy.
      await promisify(execFile)(process.execPath, args, { env: { PATH: process.env['PATH'], HOME: home } });
      expect(await readdir(home)).toEqual([]);
    });
  });

  test('a missing file is an operational error that says what to do', async () => {
    const url = new URL('./absent.onnx', import.meta.url);
    await expect(loadModel({ url, sha256: '0'.repeat(64), output: 'scores' })).rejects.toMatchObject({
      code: 'FB_MODEL_MISSING',
      message: expect.stringContaining('npm run train'),
    });
  });

  test('a file with one byte changed is refused before the runtime sees it', async () => {
    await inFolder(async (folder) => {
      const bytes = await readFile(behaviorModel);
      const sha256 = sha256Hex(bytes);
      bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
      const path = join(folder, 'altered.onnx');
      await writeFile(path, bytes);
      await expect(loadModel({ url: pathToFileURL(path), sha256, output: 'scores' })).rejects.toMatchObject({
        code: 'FB_MODEL_ALTERED',
        message: expect.stringContaining('restore the file'),
      });
    });
  });

  test('a file with the right digest that is no model is refused', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'text.onnx');
      await writeFile(path, 'no model');
      const source = { url: pathToFileURL(path), sha256: sha256Hex('no model'), output: 'scores' };
      await expect(loadModel(source)).rejects.toMatchObject({ code: 'FB_MODEL_ALTERED' });
    });
  });
});
