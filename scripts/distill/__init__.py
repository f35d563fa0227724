"""The library behind scripts/: pure, typed, tested. torch and vllm are imported only in engines/ and training/."""
