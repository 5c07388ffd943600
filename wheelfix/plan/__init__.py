"""Report and options to Plan. Pure: the only room that decides, and it touches no file."""

from __future__ import annotations

from wheelfix.model import Options, Plan, Report
from wheelfix.plan.bare import bare_plan
from wheelfix.plan.remarks import remarks


def plan(report: Report, options: Options) -> Plan:
    """Decide everything that a repair will do. Never raises for what the report says."""
    if report.arch is not None:
        from wheelfix.plan.binaries import decide  # most of this room, for nothing in a pure wheel

        return decide(report, options)
    findings = (*report.findings, *remarks(report))
    return bare_plan(report, report.wheel.platforms, findings, options)
