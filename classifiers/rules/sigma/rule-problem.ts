/** Why a rule cannot be used, and where in the document: the path of keys that leads to the wrong node. */
export class RuleProblem extends Error {
  readonly path: readonly (string | number)[];

  constructor(message: string, path: readonly (string | number)[] = []) {
    super(message);
    this.name = 'RuleProblem';
    this.path = path;
  }
}

/** Gives a problem that is found deeper down the place in the document. */
export function locate<T>(path: readonly (string | number)[], step: () => T): T {
  try {
    return step();
  } catch (cause) {
    if (cause instanceof RuleProblem && cause.path.length === 0) throw new RuleProblem(cause.message, path);
    throw cause;
  }
}
