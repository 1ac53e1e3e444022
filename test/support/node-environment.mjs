import { TestEnvironment } from 'jest-environment-node';

/**
 * onnxruntime-node checks its inputs against the typed arrays of the realm that loaded the addon, and Jest runs
 * every test file in a realm of its own. Lending the outer constructors makes the two agree.
 */
export default class NodeEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    for (const name of [
      'Float32Array',
      'Float64Array',
      'Int32Array',
      'BigInt64Array',
      'Uint8Array',
      'ArrayBuffer',
    ]) {
      this.global[name] = globalThis[name];
    }
  }
}
