"""Training by TRL and transformers. torch is imported here."""
