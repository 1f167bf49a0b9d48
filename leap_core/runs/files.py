"""Names of the files and folders of a run, each written here and nowhere else.

RUN/config.yaml, manifest.json, result.json, ledger.jsonl, events.jsonl, report.html
RUN/iterations/00/demonstrations.jsonl, examples.jsonl, policy/, validation.jsonl, …
RUN/environments/LABEL/…     the same for each environment of a run in several
"""

from __future__ import annotations

CONFIG = "config.yaml"
MANIFEST = "manifest.json"
RESULT = "result.json"
LEDGER = "ledger.jsonl"
EVENTS = "events.jsonl"
REPORT = "report.html"
LOCK = ".lock"
CACHE = ".cache"

ITERATIONS = "iterations"
ENVIRONMENTS = "environments"

DEMONSTRATIONS = "demonstrations.jsonl"
ROLLOUTS = "rollouts.jsonl"
CORRECTIONS = "corrections.jsonl"
REJECTED = "rejected.jsonl"
TEACHER = "teacher.jsonl"
EXAMPLES = "examples.jsonl"
METRICS = "metrics.jsonl"
EVALUATION = "evaluation.json"

POLICY = "policy"
POLICY_REF = "policy.json"
STUDENT = "student"
CHECKPOINTS = ".policy.checkpoints"
REPORTS = "reports"
