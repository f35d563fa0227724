"""How much is computed at a time, which preflight estimates memory from. No settings: other numbers round differently."""

SCORED_ROWS = 8  # of one forward pass of a teacher (logits.py)
SCORED_TOKENS = 1024  # whose logits over the vocabulary it holds at a time
KL_TOKENS = 1024  # whose probabilities over the vocabulary loss kl holds in float32 at a time (trainer.py)
