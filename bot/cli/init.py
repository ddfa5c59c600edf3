"""`handover init`: a new configuration from checked answers."""

import os
from base64 import b64encode
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, SecretStr

from bot.cli import enrol
from bot.cli.actor import login
from bot.cli.checks import CheckResult, slack, systems
from bot.cli.configuration_draft import SECRETS, ConfigurationDraft, write
from bot.cli.context import DEFAULT, ConfigPath, open_services, wiring
from bot.cli.duplicates import alike
from bot.cli.output import CommandError, say, warn
from bot.cli.questions import Answered, Answers
from bot.cli.verify import public_half
from bot.text import N_, _, listed
from config.actors import ActorSettings
from config.fields import KEY_BYTES
from config.reference import keys, tables
from config.settings import Company, Settings, Slack, Storage, SystemSettings, load

NEEDS = {"socket": "app_token", "http": "signing_secret"}
CHANNELS = ("case_channel", "security_channel", "audit_channel")
ASKED = {
    "roles.hr": ("users", "groups"),
    "roles.security": ("users", "groups"),
    "roles.admin": ("users",),
    "policy": ("protected",),
}
MENDING = {"certificate": ("ca_file", "authority"), "credential": ("bind_dn", "login", "email")}
"""Keys to ask for again after a fault, by its cause. A refused credential asks for required secrets as well."""
SUGGESTED = (("directory", "ldap"), ("crm", "tryton"))

HELP = N_(
    """Asks for required keys, roles and protected accounts, and writes the configuration file.

Typed secrets are written to files of their own (mode 0600) in secrets/ beside the configuration. The configuration
has only references to them. The master key and the signing key are generated.

An interrupted run goes on where it stopped: answers are kept in FILE.draft until the end, without typed secrets.

Every key may be given as --set KEY=VALUE, or as an environment variable. The variable is HANDOVER_ and the key in
capitals, such as HANDOVER_SLACK_BOT_TOKEN.
"""
)
EXAMPLES = (
    "handover init --config ./handover.toml",
    "handover init --non-interactive --set company.name=Northwind --set systems.directory.kind=ldap",
)


def init(
    ctx: typer.Context,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help=N_("An answer, such as slack.mode=http; repeatable.")),
    ] = None,
    non_interactive: Annotated[
        bool, typer.Option("--non-interactive", help=N_("Ask nothing. Use --set, the environment and defaults."))
    ] = False,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help=N_("Write the file even after a failed check."))
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help=N_("Replace an existing file without asking."))
    ] = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Ask, check the answers, and write the configuration."""
    answers = Answers(given or [], os.environ, interactive=not non_interactive, unchecked=unchecked)
    config = config.absolute()
    question = _("{path} exists already. Replace it?").format(path=config)
    if config.exists() and not overwrite and not answers.agree(question, default=False):
        raise CommandError(
            _("{path} exists already, and was left as it is.").format(path=config),
            _("Choose another place with --config, or add --overwrite."),
        )
    kept = config.with_name(f"{config.name}.draft")
    answers.resume(kept)
    try:
        draft, names = _ask(ctx, answers, config)
    except (typer.Abort, CommandError, OSError):
        if kept.exists():
            warn("")  # the cursor stands behind a question
            warn(
                _("The answers are kept in {path}, without secrets. The same command goes on there.").format(path=kept)
            )
        raise
    write(draft, config)
    answers.end()
    _finish(load(config, os.environ, wiring(ctx).settings_of), config)
    for name in names:
        if answers.agree(_("Enrol {name} for one-time codes now, on this machine?").format(name=name), default=False):
            with open_services(ctx, config) as services:
                enrol.add(services, name, "")
            return


def _ask(ctx: typer.Context, answers: Answers, config: Path) -> tuple[ConfigurationDraft, list[str]]:
    """Return the checked answers, and the names of those who act at the terminal."""
    draft = ConfigurationDraft()
    _systems(draft, answers, wiring(ctx))
    _company(draft, answers)
    known = _own_keys(answers, config.parent / SECRETS)
    draft.tables["storage"] = answers.table("storage", Storage, ("path",), known).values
    _slack(draft, answers)
    for name, model in tables().items():
        if name not in draft.tables:
            draft.tables[name] = answers.table(name, model, ASKED.get(name, ())).values
    names = _people(draft, answers)
    if unused := answers.unused():
        raise CommandError(
            _("Unknown key in --set: {keys}. Nothing was written.").format(keys=listed(unused)),
            _("docs/reference/configuration.md lists every key."),
        )
    return draft, names


def _systems(draft: ConfigurationDraft, answers: Answers, wired: Any) -> None:
    names = answers.names("systems")
    suggested = [pair for pair in SUGGESTED if pair[0] not in names]
    for name in names:
        _system(draft, answers, wired, name)
    while True:
        if draft.systems and not answers.agree(
            _("Configure another system?"), default=len(draft.systems) < len(SUGGESTED)
        ):
            return
        name, kind = suggested.pop(0) if suggested else ("", "")
        name = answers.text("", _("Your name for the system"), name)
        if not name:
            raise CommandError(
                _("A system is missing."),
                _("Add --set systems.directory.kind=ldap and its keys. `handover connectors` lists the kinds."),
            )
        _system(draft, answers, wired, name, kind)


def _system(draft: ConfigurationDraft, answers: Answers, wired: Any, name: str, suggested: str = "") -> None:
    table = f"systems.{name}"
    known: dict[str, Any] = {}
    tried = set[str]()
    while True:
        kind = answers.text(f"{table}.kind", _("Kind of system"), suggested)
        try:
            model = wired.settings_of(kind)
        except LookupError as error:
            answers.refuse([f"{table}.kind: {error.args[0]}"])
            answers.forget(f"{table}.kind")
            continue
        wanted = [key.name for key in keys(model) if key.asked]
        answered = answers.table(table, model, [*wanted, *_told(model, tried)], known)
        only = SystemSettings(kind=kind, settings=answered.model)
        alone = Settings.model_construct(company=Company.model_construct(directory=name), systems={name: only})
        faults = answers.faults(systems.checks(wired.build_systems(alone)))
        again = _again(name, model, faults, answers, tried) if faults else None
        if again is None:
            _add(draft, answers, name, (kind, answered))
            return
        known = {key: value for key, value in answered.values.items() if again and key not in again}
        for key in [f"{table}.{one}" for one in again] or [table]:
            answers.forget(key)


def _again(
    name: str, model: type[BaseModel], faults: list[CheckResult], answers: Answers, tried: set[str]
) -> Sequence[str] | None:
    """Return the keys to ask for again after faults: those that a fault points at, else none for the whole table.

    None: go on in spite of the faults. `tried`: causes that were asked for already; they are added to.
    """
    causes = {fault.cause for fault in faults} - tried - {""}
    if "certificate" in causes and answers.interactive:
        question = _("Give the file of the authority that signed the certificate of {name}?").format(name=name)
        if answers.agree(question, default=True):
            tried.add("certificate")
            return _told(model, {"certificate"})
    if answers.go_on():
        return None
    tried |= causes
    return _told(model, causes & {"credential"})


def _told(model: type[BaseModel], causes: Collection[str]) -> list[str]:
    """Return the keys of a kind that mend these causes. Pure."""
    named = {key for cause in causes for key in MENDING[cause]}
    return [
        key.name for key in keys(model) if key.name in named or ("credential" in causes and key.secret and key.asked)
    ]


def _add(draft: ConfigurationDraft, answers: Answers, name: str, found: tuple[str, Answered]) -> None:
    """Add a system, unless it is one that is there already, and nobody wants it twice."""
    kind, answered = found
    twin = alike(answered.model, draft.models)
    if twin:
        said = _("{name} seems to be {other}: {why}. Each account there would be locked and reported twice.")
        warn(said.format(name=name, other=twin[0], why=twin[1]))
        if not answers.keep_both():
            answers.drop(f"systems.{name}")
            return
    draft.tables[f"systems.{name}"] = answered.values
    draft.systems[name] = (kind, type(answered.model))
    draft.models[name] = answered.model


def _company(draft: ConfigurationDraft, answers: Answers) -> None:
    question = _("Which system lists everybody ({names})?").format(names=listed(draft.systems))
    known = {"directory": answers.text("company.directory", question, next(iter(draft.systems)))}
    draft.tables["company"] = answers.table("company", Company, ("name", "timezone"), known).values


def _slack(draft: ConfigurationDraft, answers: Answers) -> None:
    while True:
        mode = answers.text("slack.mode", _("Slack mode: socket (needs no public address) or http?"), "socket")
        answered = answers.table("slack", Slack, ("bot_token", NEEDS.get(mode, "app_token"), *CHANNELS), {"mode": mode})
        found = answered.model
        if isinstance(found, Slack) and answers.pass_checks(slack.checks(found)):
            draft.tables["slack"] = answered.values
            return
        answers.forget("slack")


def _people(draft: ConfigurationDraft, answers: Answers) -> list[str]:
    """Add the tables of people at the terminal, and return the names."""
    names = answers.names("actors")
    if not names and answers.interactive:
        asked = _("Name of the first person who acts at the terminal (-: nobody)")
        name = answers.text("", asked, login().replace(".", "-"), optional=True)
        names = [] if name in ("", "-") else [name]
    for name in names:
        wanted = ("slack", "email", "roles") if name == login() else ("logins", "slack", "email", "roles")
        table = answers.table(f"actors.{name}", ActorSettings, wanted)
        draft.tables[f"actors.{name}"] = dict(table.values)
    return names


def _own_keys(answers: Answers, secrets: Path) -> dict[str, Any]:
    """Generate the two keys. Given and existing keys stay, since rows may be encrypted under them."""
    known: dict[str, Any] = {}
    for name in ("master_key", "signing_key"):
        kept = secrets / f"storage.{name}"
        if answers.given(f"storage.{name}") is None:
            known[name] = f"file:{kept}" if kept.exists() else SecretStr(b64encode(os.urandom(KEY_BYTES)).decode())
    return known


def _finish(settings: Settings, config: Path) -> None:
    say(
        _("Written: {path}").format(path=config),
        _("Public key of the journal, for auditors: {key}").format(key=public_half(settings.storage)),
        _("Keep a copy of the master key elsewhere. Without it the stored personal data is lost."),
        _("Next: handover doctor --config {path}, then handover run --config {path}").format(path=config),
    )
