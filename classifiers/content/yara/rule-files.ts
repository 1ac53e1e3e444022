/** Which files are rules, the setting that names their folders, and how much is read. Apart from the engine, which is native. */
export const ruleFiles = {
  pattern: /\.yara?$/iu,
  holds: 'rule',
  settings: 'FIREBREAK_SAMPLE_RULE_DIRS',
  maximalFiles: 5000,
  maximalFileBytes: 4 * 1024 * 1024,
};
