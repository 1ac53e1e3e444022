/** Puts beside the compiled code what the compiler does not copy: SQL, models, manifests, rules. `node scripts/copy-assets.mjs [target]`, by default into dist. */
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const folders = ['contracts', 'engine', 'classifiers', 'platform', 'services', 'agent', 'migrations'];
const assets = /\.(?:sql|onnx|ya?ml|yar|jsonl?|lua)$/;
const target = process.argv[2] ?? 'dist';

for (const folder of folders) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !assets.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    cpSync(path, join(target, path));
  }
}
