/** Jest runs the TypeScript sources as ES modules through swc; types are checked by `npm run types`. */
const swc = [
  '@swc/jest',
  {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'es6' },
    sourceMaps: 'inline',
  },
];
// light-my-request requires `cookie`, which is published as an ES module only: that one package is turned into CommonJS.
const swcCommonJs = ['@swc/jest', { jsc: { target: 'es2023' }, module: { type: 'commonjs' } }];

export default {
  testEnvironment: '<rootDir>/test/support/node-environment.mjs',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // A stack of containers is what `npm run test:compose` brings up for it.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/compose/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '/node_modules/cookie/.+\\.js$': swcCommonJs, '\\.ts$': swc },
  transformIgnorePatterns: ['/node_modules/(?!cookie/)'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.firebreak/'],
  testTimeout: 30_000,
};
