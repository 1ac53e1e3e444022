/**
 * Platt scaling: probability = 1 / (1 + exp(-(slope × score + intercept))), for a score in log-odds as the model gives it.
 * Computed in doubles outside of the graph, so that training and serving agree to the last digits. `slope` is positive:
 * a higher score never means a lower probability. Source: Platt, "Probabilistic Outputs for Support Vector Machines" (1999).
 */
export interface Calibration {
  readonly slope: number;
  readonly intercept: number;
}

/** @returns a probability in [0, 1] */
export function calibrate(score: number, { slope, intercept }: Calibration): number {
  return 1 / (1 + Math.exp(-(slope * score + intercept)));
}
