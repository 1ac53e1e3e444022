/** Why a rule cannot be used, and where in the document: the path of keys that leads to the wrong node. */
export class RuleProblem extends Error {
  readonly path: readonly (string | number)[];

  constructor(message: string, path: readonly (string | number)[] = []) {
    super(message);
    this.name = 'RuleProblem';
    this.path = path;
  }
}
