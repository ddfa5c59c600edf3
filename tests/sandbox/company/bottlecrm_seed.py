# mypy: ignore-errors
"""Fills an empty BottleCRM with what comes on standard input. Runs in BottleCRM's own environment, never in ours.

Every client is a company with its deals and a contact; some have a ticket, a project and tasks, some are shared with a
second seller and belong to a team. The bot is an administrator with a token.
"""

import json
import sys
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import django

django.setup()

from accounts.models import Account  # noqa: E402
from cases.models import Case  # noqa: E402
from common.models import Org, PersonalAccessToken, Profile, Tags, Teams, User  # noqa: E402
from contacts.models import Contact  # noqa: E402
from django.db import transaction  # noqa: E402
from leads.models import Lead  # noqa: E402
from opportunity.models import Opportunity  # noqa: E402
from projects.models import Project  # noqa: E402
from tasks.models import Task  # noqa: E402

STAGES = {
    "lead": "PROSPECTING",
    "opportunity": "PROPOSAL",
    "won": "CLOSED_WON",
    "converted": "CLOSED_WON",
    "lost": "CLOSED_LOST",
    "cancelled": "CLOSED_LOST",
}
CLOSED = date(2026, 10, 1)


def member(org: Org, row: Mapping[str, Any]) -> Profile:
    user = User.objects.create_user(email=row["email"], password=None, name=row["name"])
    return Profile.objects.create(user=user, org=org, role=row["role"], has_sales_access=True)


def client(
    org: Org, number: int, row: Mapping[str, Any], people: Mapping[str, Profile], team: Teams, tag: Tags
) -> None:
    owner, maker = people[row["owner"]], people[row["owner"]].user
    common = {"org": org, "created_by": maker}
    company = Account.objects.create(name=row["name"], **common)
    company.tags.add(tag)
    made = [company]
    for deal in row["deals"]:
        closed = CLOSED if STAGES[deal["state"]].startswith("CLOSED") else None
        made.append(
            Opportunity.objects.create(
                name=f"{deal['title']} ({number})",
                account=company,
                stage=STAGES[deal["state"]],
                currency="EUR",
                amount=Decimal(deal["amount"]),
                closed_on=closed,
                **common,
            )
        )
    contact = Contact.objects.create(first_name="Con", last_name=f"Tact {number}", account=company, **common)
    made.append(contact)
    company.contacts.add(contact)
    if row["more"]:
        made.append(
            Lead.objects.create(
                title=f"Lead {number}",
                first_name="Le",
                last_name="Ad",
                status="assigned",
                company_name=row["name"],
                opportunity_amount=Decimal(500),
                **common,
            )
        )
        made.append(
            Case.objects.create(name=f"Ticket {number}", status="New", priority="High", account=company, **common)
        )
        made.append(Project.objects.create(name=f"Project {number}", account=company, **common))
        made.append(
            Task.objects.create(title=f"Call {number}", status="New", priority="High", account=company, **common)
        )
        made.append(
            Task.objects.create(
                title=f"Offer {number}", status="Completed", priority="Low", opportunity=made[1], **common
            )
        )
    for record in made:
        record.assigned_to.add(owner, *(people[uid] for uid in row["shared"]))
        if row["team"] and hasattr(record, "teams"):
            record.teams.add(team)


def main() -> None:
    seed = json.load(sys.stdin)
    with transaction.atomic():
        org = Org.objects.create(name=seed["org"], company_name=seed["org"], default_currency="EUR")
        people = {row["uid"]: member(org, row) for row in seed["people"]}
        bot = people[seed["bot"]]
        PersonalAccessToken.objects.create(
            org=org,
            profile=bot,
            name="Handover",
            token_hash=PersonalAccessToken.hash_token(seed["token"]),
            token_prefix=seed["token"][:13],
            created_by=bot.user,
        )
        team = Teams.objects.create(name="Key accounts", org=org)
        tag = Tags.objects.create(name="Practice", org=org)
        for number, row in enumerate(seed["clients"]):
            client(org, number, row, people, team, tag)


main()
