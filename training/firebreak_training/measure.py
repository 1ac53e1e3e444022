"""Figures: rates at a threshold, thresholds at a rate, calibration. Scores are log-odds, larger is worse."""

import numpy as np
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score


def threshold_at(benign: np.ndarray, rate: float) -> float:
    """The least score such that at most `rate` of the benign ones lie above it. Ties stay below."""
    return float(np.quantile(benign, 1 - rate, method="higher"))


def above(scores: np.ndarray, threshold: float) -> float:
    return float(np.mean(scores > threshold)) if len(scores) else float("nan")


def per_group(groups: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The largest score of each group: a capture is found when one of its rows is."""
    order = np.argsort(groups, kind="stable")
    names, starts = np.unique(groups[order], return_index=True)
    return np.maximum.reduceat(scores[order], starts) if len(names) else np.array([])


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    return float(roc_auc_score(labels, scores))


def platt(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Slope and intercept of the logistic curve through held-out scores, both classes of equal weight; slope at least 0.05.

    Labels are softened as Platt proposes, so that separable scores do not give infinite confidence.
    """
    positives, negatives = labels.sum(), len(labels) - labels.sum()
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    weight = np.where(labels == 1, weights / weights[labels == 1].sum(), weights / weights[labels == 0].sum())

    def loss(parameters: np.ndarray) -> float:
        margin = parameters[0] * scores + parameters[1]
        return float(np.sum(weight * (np.logaddexp(0, margin) - target * margin)))

    fitted = minimize(loss, np.array([0.5, 0.0]), method="L-BFGS-B", bounds=[(0.05, 10), (-20, 20)])
    return {"slope": rounded(fitted.x[0], 6), "intercept": rounded(fitted.x[1], 6)}


def calibrated(scores: np.ndarray, calibration: dict[str, float]) -> np.ndarray:
    return 1 / (1 + np.exp(-(calibration["slope"] * np.asarray(scores, dtype=np.float64) + calibration["intercept"])))


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error over ten equal bins, both classes of equal weight."""
    weight = np.where(labels == 1, weights / weights[labels == 1].sum(), weights / weights[labels == 0].sum()) / 2
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for one in range(bins):
        inside = index == one
        if inside.any():
            share = weight[inside]
            gap = np.average(probabilities[inside], weights=share) - np.average(labels[inside], weights=share)
            error += share.sum() * abs(gap)
    return error


def rounded(value: float, digits: int = 4) -> float:
    return round(float(value), digits)
