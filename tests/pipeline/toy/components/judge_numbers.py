from models.toy_log import log_call

from components.base import Input, Metrics, Output, component
from schemas.artifacts import Artifact, Verdict
from schemas.reports import Rule, VerdictReport


@component
def judge_numbers(doubled: Input[Artifact], verdict: Output[Verdict], *, at_least: float = 0) -> Metrics:
    """Is the largest number large enough?"""
    log_call("judge_numbers")
    verdict.path.mkdir()
    value = max(map(float, (doubled.path / "numbers.txt").read_text().split()))
    rule = Rule(name="largest", value=value, bound=at_least, passed=value >= at_least)
    verdict.write_report(VerdictReport(rules=[rule]))
    return {"passed": int(rule.passed)}
