"""Conversion of the settings' approval rules to a policy."""

from config.settings import Settings
from workflows.clients.approval_policy import AdditionalApproval, ApprovalPolicy


def approval_policy(settings: Settings) -> ApprovalPolicy:
    """Return the company's approval policy."""
    said, company = settings.approvals, settings.company
    return ApprovalPolicy(
        receivers=said.receivers,
        rules=tuple(
            AdditionalApproval(
                name,
                (*rule.users, *rule.groups),
                rule.need,
                rule.above_clients,
                rule.above_value,
                rule.sensitivity,
                rule.escalate_to,
            )
            for name, rule in said.rules.items()
        ),
        escalate_to=said.escalate_to,
        remind_days=said.remind_days,
        escalate_days=said.escalate_days,
        expire_days=said.expire_days,
        calendars=said.calendars,
        country=company.holidays,
        zone=company.timezone,
    )
