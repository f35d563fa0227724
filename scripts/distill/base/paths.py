"""Paths of the project's own files."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
SCRIPTS = PROJECT / "scripts"
SCHEMA = PROJECT / "config" / "schema.yaml"
KNOWN = PROJECT / "config" / "known.yaml"
PINS = PROJECT / "envs" / "requirements.txt"
SNAKEFILE = PROJECT / "Snakefile"
PROFILE = PROJECT / "profiles" / "default" / "profile.yaml"  # which Snakemake loads by itself
