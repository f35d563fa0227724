"""The library behind scripts/: pure, typed, tested. Only engines/, training/, models/ and miniature/pretrain.py import torch or vllm."""
