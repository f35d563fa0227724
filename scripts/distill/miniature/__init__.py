"""The miniature's world: questions that a program can draw, solve step by step and explain. See docs/miniature.md."""
