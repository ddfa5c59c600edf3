"""The composition root: builds all services from the settings. Only this module builds connectors."""

import base64
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from pydantic import BaseModel, SecretStr

from bot.policies import Policies, read_policies
from bot.services import Services, WorkHandlers
from bot.slack.client import web_client
from bot.slack.members import SlackMembers
from bot.text import _
from config.fields import RequestLimit
from config.settings import Common, Settings, Storage
from connectors import registry
from connectors.contract import Manifest
from connectors.outside import OutsideKind
from workflows.access.absence import AbsenceCheck
from workflows.access.account_state import connect_lock_history
from workflows.access.deactivation import DeactivateAccounts
from workflows.access.dispatch import LockoutDispatch
from workflows.access.duties import DutyLists
from workflows.access.duty_decisions import DutyDecisions
from workflows.access.duty_review import DutyReviews, Reminder
from workflows.access.duty_work import DutyWork
from workflows.access.inventory import Inventories
from workflows.access.licence_stage import ReclaimLicences
from workflows.access.links import AccountLinking
from workflows.access.manual_steps import ManualSteps
from workflows.access.new_work import StopNewWork
from workflows.access.protected import ProtectedAccounts
from workflows.access.restoration import Restorations
from workflows.access.restriction import Restrictions
from workflows.access.system_lockout import SystemLockouts
from workflows.authorization import Authorization
from workflows.cases.casefile import Casefile
from workflows.cases.earlier_handover import EarlierHandovers
from workflows.cases.finding_list import FindingList
from workflows.cases.joinings import ChannelJoinings
from workflows.cases.offboarding import Offboarding
from workflows.cases.schedule import Start
from workflows.clients.context import ClientContext
from workflows.clients.handover import ClientHandover
from workflows.context import Context
from workflows.exports.snapshots import ExportTrack
from workflows.ports import AssigneeDirectory, Clock, SystemClock, WorkspaceDirectory
from workflows.stage_acts import ActHandler
from workflows.stages.control import StageControl
from workflows.stages.legal_holds import LegalHolds
from workflows.stages.reading import ReclaimingStage, StageReading
from workflows.stages.runs import StageRuns
from workflows.storage import outbox
from workflows.storage import store as stores
from workflows.storage.database_clock import DatabaseClock
from workflows.storage.enrolments import Enrolments
from workflows.storage.heads import HeadFile, HeadOutlet, SyslogOutlet
from workflows.storage.journal import Journal
from workflows.storage.languages import LanguageChoices
from workflows.storage.marks import Marks
from workflows.storage.signed_requests import SignedRequests
from workflows.storage.store import Store
from workflows.storage.vault import Vault
from workflows.systems.connection_limit import share_connections
from workflows.systems.rate_limit import share_rate_limits
from workflows.systems.registry import System, Systems, distinct, titled
from workflows.watch.audit import Audits
from workflows.watch.clock_record import ClockRecord
from workflows.watch.earlier_leavers import EarlierLeaverSearch
from workflows.watch.figures import Figures
from workflows.watch.follow_ups import FollowUps
from workflows.watch.key_rotation import KeyRotation, take_root
from workflows.watch.responses import FindingPolicy
from workflows.watch.retention import Retention
from workflows.watch.undelivered import UndeliveredMessages

if TYPE_CHECKING:
    from workflows.engine.durable import Engine
    from workflows.systems.recording import CallRecorder

Mode = Literal["run", "visit"]


@dataclass(frozen=True)
class Application:
    """All services of one process, with store and engine."""

    services: Services
    store: Store
    engine: "Engine | None"
    faults: Callable[[], Sequence[str]] = tuple
    """Faults of this process now, in sentences, for `/healthz`."""


def manifests() -> tuple[Manifest, ...]:
    """Return the manifest of every kind of system that can be used."""
    usable = [one.kind for one in registry.others() if not one.fault]
    return tuple(registry.manifest(kind) for kind in sorted({*registry.own(), *usable}))


def outside_kinds() -> tuple[OutsideKind, ...]:
    """Return the kinds of other packages, refused ones included."""
    return registry.others()


def new_package(name: str, capabilities: Iterable[str]) -> Mapping[str, str]:
    """Return the texts of a package for a new kind, by path. Raises `ValueError` with a sentence."""
    from connectors.new_package import files  # noqa: PLC0415 - one option of one command needs it

    if name in registry.known():
        raise ValueError(_("the kind {kind!r} exists already").format(kind=name))
    return files(name, capabilities)


def recording(system: System, out: IO[str]) -> "CallRecorder":
    """Return a redacted recording of a system's calls, written to `out`. The system writes nothing from now on."""
    from connectors.recording import Recording  # noqa: PLC0415 - one command needs it

    recorder = Recording(type(system.connector), system.manifest.kind, out)
    system.connector.use_recorder(recorder)
    return recorder


def settings_of(kind: str) -> type[BaseModel]:
    """Return a kind's settings class. Loads no other kind. Raises `LookupError` with the known kinds."""
    return registry.settings_of(kind)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Directories of approvers and assignees."""

    members: WorkspaceDirectory
    assignees: AssigneeDirectory


@contextmanager
def assemble(
    settings: Settings,
    *,
    adjust: Callable[[Clock], Clock] | None = None,
    machine: Clock | None = None,
    mode: Mode = "run",
    dead_after: timedelta | None = None,
) -> Iterator[Application]:
    """Build the application, and close everything at the end of the context.

    `run` locks the data folder (raises `Occupied`), starts engine and ticks, and delivers messages. `visit` only opens
    the database, with or without a running bot; a running process picks up its work. On PostgreSQL several processes
    may run. One without a heartbeat for `dead_after` (None: `silence_limit`) ends, and the others take over its work.

    All work goes by the database's clock on PostgreSQL, and by the `machine`'s on SQLite. The practice company adjusts
    it.
    """
    with ExitStack() as stack:
        if mode == "run" and not settings.storage.url:
            from workflows.engine.replicas import process_lock  # noqa: PLC0415 - as below

            stack.enter_context(process_lock(settings.storage.path))
        store = open_store(settings.storage, announce=mode == "visit")
        stack.callback(store.close)
        database = DatabaseClock(store, machine or SystemClock()) if store.postgres else None
        ruling = database or machine or SystemClock()
        clock = adjust(ruling) if adjust else ruling
        systems = build_systems(settings)
        stack.callback(systems.close)
        share_rate_limits(systems, store)
        workspace, policies = slack_workspace(settings), read_policies(settings)
        context = build_context(settings, store, systems, clock, workspace.members, head_outlets(settings.storage))
        if mode == "visit":
            yield Application(build_services(settings, context, workspace, policies, _nobody).services, store, None)
            return
        from bot.running import running  # noqa: PLC0415 - only `run` needs the engine; most commands only read
        from workflows.engine.clock_guard import ClockGuard  # noqa: PLC0415
        from workflows.engine.durable import Engine, sqlite_url  # noqa: PLC0415
        from workflows.engine.replicas import Replicas, new_id  # noqa: PLC0415

        url = settings.storage.url or sqlite_url(settings.storage.path)
        engine = Engine(url, new_id() if store.postgres else outbox.SINGLE_PROCESS)
        replicas = Replicas(store, engine, dead_after or silence_limit(settings)) if store.postgres else None
        built = build_services(settings, context, workspace, policies, engine.start)
        tell = notifier(settings, built.services, store)
        if replicas:
            stack.enter_context(share_connections(store, systems, replicas.replica_id, built.dispatch.backlog))
        guard = ClockGuard(built.services.clock_record.fault, database)
        health = stack.enter_context(running(engine, built, store, clock, tell, replicas, guard=guard))
        yield Application(built.services, store, engine, health.faults)


def open_store(storage: Storage, *, announce: bool = False) -> Store:
    """Return the store, upgraded to this version's schema. `announce`: see `Store`."""
    if not storage.url:
        storage.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        _keep_private(storage.path)
    store = Store(storage.url or stores.sqlite_url(storage.path), open_vault(storage), announce=announce)
    store.upgrade()
    return store


def _keep_private(folder: Path) -> None:
    """Take the database and its log from everybody but its owner. Files made later get the modes of these."""
    os.close(os.open(folder / "handover.sqlite", os.O_RDWR | os.O_CREAT, 0o600))
    for file in folder.glob("*.sqlite*"):
        with suppress(PermissionError, FileNotFoundError):  # another's file: `handover doctor` tells its mode
            file.chmod(0o600)


def build_systems(settings: Settings) -> Systems:
    """Return the systems with a connector for each. No connection is opened."""
    return Systems(
        distinct(
            [
                titled(
                    System(
                        name,
                        _limited(registry.manifest(system.kind), system.common),
                        registry.build(system.kind, system.settings),
                        name == settings.company.directory
                        if system.common.expects_account is None
                        else system.common.expects_account,
                        system.common.administrators,
                        system.common.restrict_before,
                        system.common.restrict_groups,
                    ),
                    getattr(system.settings, "title", ""),
                )
                for name, system in settings.systems.items()
            ]
        ),
        settings.company.directory,
    )


def _limited(manifest: Manifest, common: Common) -> Manifest:
    """Return a kind's manifest with the limits that the settings give one system."""
    limit = common.request_limit or RequestLimit(0, timedelta(0))
    return replace(manifest, limits=manifest.limits.narrowed(limit.requests, limit.window, common.records_at_once))


def silence_limit(settings: Settings) -> timedelta:
    """Return the longest time without a heartbeat, which is longer than the time limit of any request."""
    from workflows.engine.replicas import DEAD_AFTER  # noqa: PLC0415 - only `run` needs the engine

    limits = [float(n) for one in settings.systems.values() for key, n in one.settings if key.endswith("_seconds")]
    return max(DEAD_AFTER, timedelta(seconds=1.5 * max(limits, default=0)))


def head_outlets(storage: Storage) -> list[HeadOutlet]:
    """Return the places outside the database that get the journal's signed heads.

    The default folder is made: with rows on PostgreSQL nobody else makes it. One that is named must be there.
    """
    if storage.heads_file is None:
        storage.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    syslog = [SyslogOutlet(storage.heads_syslog)] if storage.heads_syslog else []
    return [HeadFile(storage.kept_heads), *syslog]


def open_vault(storage: Storage) -> Vault:
    """Return the vault under the configured master keys."""
    return Vault(_bytes(storage.master_key), [*map(_bytes, storage.former_master_keys)])


def _bytes(key: SecretStr) -> bytes:
    return base64.b64decode(key.get_secret_value())


def build_context(
    settings: Settings,
    store: Store,
    systems: Systems,
    clock: Clock,
    members: WorkspaceDirectory,
    outlets: Sequence[HeadOutlet] = (),
) -> Context:
    """Return the context of all services for a store and systems. `outlets`: see `Journal`.

    `members`: the workspace that gives standing.
    """
    storage = settings.storage
    vault = store.vault or open_vault(storage)
    take_root(store, vault)
    former = [*map(_bytes, storage.former_master_keys), vault.root]
    marks = Marks(_bytes(storage.master_key), [*map(_bytes, storage.mark_keys)], former)
    journal = Journal(store, clock, _bytes(storage.signing_key), marks, outlets)
    return Context(
        store,
        vault,
        journal,
        systems,
        clock,
        Authorization(store, vault, journal, clock, members, settings.roles, settings.actors),
        timedelta(minutes=settings.policy.retry_minutes),
        settings.slack.security_channel,
    )


def build_services(
    settings: Settings,
    context: Context,
    workspace: Workspace,
    policies: Policies,
    start: Start,
    handlers: Sequence[ActHandler] | None = None,
) -> WorkHandlers:
    """Return the services with their work handlers. `start`: begins a piece of work at once.

    `handlers`: those of the acts of stages; None: all that there are.
    """
    policy, zone = settings.policy, settings.company.timezone
    connect_lock_history(context)
    guards = ProtectedAccounts(policy.protected)
    track = ClientContext.extend(
        context, workspace.members, policies.approvals, policies.allocation, policies.introductions
    )
    handover = ClientHandover(track, settings.clients.stayed_days)
    look_back = timedelta(days=settings.exports.look_back_days)
    lists, approvals = DutyLists(context), policies.approvals
    reviews = DutyReviews(context, lists, Reminder(approvals.remind_days, approvals.zone, approvals.country))
    exports = ExportTrack(context, channel=settings.slack.security_channel, look_back=look_back, zone=zone)
    sheet = FindingList(context, timedelta(hours=policy.escalate_after_hours))
    handlers = act_handlers(context, handover) if handlers is None else handlers
    stages = StageReading(context, handlers)
    stage = ReclaimingStage(context, policies.stages).of
    casefile = Casefile(context, handover.proposals, exports, sheet, stages, stage)
    absence = AbsenceCheck(context)
    offboarding = Offboarding(
        context,
        casefile,
        handover,
        start,
        guards=guards,
        absence=absence,
        follow_up_days=policy.follow_up_days,
        stages=policies.stages,
        handlers=handlers,
        rules=policies.cases,
        stage=stage,
    )
    linking = AccountLinking(context, guards, offboarding.retry, zone=zone, none_days=policy.none_days)
    services = Services(
        settings=settings,
        offboarding=offboarding,
        proposals=handover.proposals,
        decisions=handover.decisions,
        appointments=handover.appointments,
        edits=handover.edits,
        exports=exports,
        audits=_audits(settings, context, casefile, sheet, policies.findings, offboarding, linking, absence),
        follow_ups=FollowUps(context, casefile, exports, absence),
        journal=context.journal,
        clock=context.clock,
        systems=context.systems,
        manual=ManualSteps(context, workspace.assignees, settings.slack.security_channel),
        delegations=handover.delegations,
        linking=linking,
        halts=handover.halts,
        put_backs=handover.put_backs,
        notes=handover.notes,
        leaves=handover.leaves,
        answers=handover.answers,
        stay_checks=handover.stay_checks,
        enrolments=Enrolments(
            context.store,
            context.vault,
            context.journal,
            context.clock,
            f"Handover {settings.company.name}",
            context.alarm_channel,
        ),
        clock_record=ClockRecord(context.store, context.journal, context.clock, context.authorization),
        joinings=ChannelJoinings(context, settings.slack.security_channel),
        figures=Figures(context),
        keys=KeyRotation(context.store, context.vault, context.journal, context.authorization),
        signed_requests=SignedRequests(context.store),
        languages=LanguageChoices(context.store, context.vault),
        authorization=context.authorization,
        duties=lists,
        duty_decisions=DutyDecisions(context),
        duty_reviews=reviews,
        introductions=handover.introductions,
        earlier=EarlierLeaverSearch(context),
        earlier_handovers=EarlierHandovers(context),
        stages=stages,
        stage_control=StageControl(context, start),
        legal_holds=LegalHolds(context),
    )
    return WorkHandlers(
        services,
        handover,
        LockoutDispatch(context, SystemLockouts(context, guards, absence, settings.slack.security_channel, stage)),
        Restorations(context),
        Restrictions(context, guards),
        Inventories(context),
        Retention(context, timedelta(days=policy.keep_days)),
        UndeliveredMessages(context),
        StageRuns(context, handlers),
        DutyWork(context),
    )


def act_handlers(context: Context, handover: ClientHandover) -> tuple[ActHandler, ...]:
    """Return the handlers of the acts that stages can do."""
    new_work = StopNewWork(context, DutyWork(context))
    return new_work, handover.introductions, DeactivateAccounts(context), ReclaimLicences(context)


def _audits(
    settings: Settings,
    context: Context,
    casefile: Casefile,
    sheet: FindingList,
    policy: FindingPolicy,
    offboarding: Offboarding,
    linking: AccountLinking,
    absence: AbsenceCheck,
) -> Audits:
    return Audits(
        context,
        casefile,
        offboarding.retry,
        linking.link_additional,
        absence,
        sheet=sheet,
        channel=settings.slack.audit_channel,
        zone=settings.company.timezone,
        at=settings.policy.audit_at,
        policy=policy,
    )


def slack_workspace(settings: Settings) -> Workspace:
    """Return Slack's directories. No request is made."""
    client = web_client(settings.slack)
    members = SlackMembers(client)
    return Workspace(members, members)


def notifier(settings: Settings, services: Services, store: Store) -> outbox.Notifier:
    """Return the notifier that delivers messages to Slack."""
    from bot.slack.notifier import SlackNotifier  # noqa: PLC0415 - only `run` needs the messages' modules

    client = web_client(settings.slack)
    return SlackNotifier(client, services, find_post=lambda post_id: outbox.find(store, post_id))


def _nobody(task: str, row: str, attempt: int) -> None:
    """Do nothing. A running process begins the work that a visit stored."""
