"""How good is it, and why? Scores beside baselines, metrics, explanations, a diagnosis of the curves."""
