"""Records of a workspace: people, channels, groups, messages, views and files."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

JSON = dict[str, Any]
TEAM = "T0PRACTICE"


@dataclass
class User:
    """One member. `name` is the handle people type after `@`; `team` differs for someone from another workspace.

    `is_stranger` is false for everybody with whom a channel is shared by Slack Connect, as Slack has it.
    `enterprise` and `teams`: the Enterprise Grid organisation, and its workspaces that this person is in.
    """

    id: str
    name: str
    real_name: str
    email: str = ""
    title: str = ""
    tz: str = "Europe/Berlin"
    locale: str = "en-US"
    deleted: bool = False
    is_bot: bool = False
    is_admin: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    team: str = TEAM
    enterprise: str = ""
    teams: tuple[str, ...] = ()

    def payload(self, *, email: bool, locale: bool = False) -> JSON:
        """The user object of users.info; the address only with the scope users:read.email."""
        offset = datetime.now(UTC).astimezone(ZoneInfo(self.tz)).utcoffset()
        profile: JSON = {"real_name": self.real_name, "display_name": self.name, "title": self.title, "team": self.team}
        if email and self.email:
            profile["email"] = self.email
        out: JSON = {
            "id": self.id,
            "team_id": self.team,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": self.deleted,
            "tz": self.tz,
            "tz_label": self.tz,
            "tz_offset": int(offset.total_seconds()) if offset else 0,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "is_admin": self.is_admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "profile": profile,
        }
        if not self.team:
            del out["team_id"], profile["team"]
        if self.is_stranger:  # absent for all others
            out["is_stranger"] = True
        if self.enterprise:
            out["enterprise_user"] = {
                "id": self.id,
                "enterprise_id": self.enterprise,
                "enterprise_name": self.enterprise,
                "is_admin": False,
                "is_owner": False,
                "teams": list(self.teams),
            }
        return out | ({"locale": self.locale} if locale else {})


@dataclass
class Channel:
    """A channel, or with `user` set the direct messages between that person and the app.

    `partners`: teams outside the organisation with which it is shared; `invited`: those that have not accepted yet;
    `siblings`: other workspaces of the organisation in which it is.
    """

    id: str
    name: str
    members: set[str]
    private: bool = False
    user: str = ""
    partners: tuple[str, ...] = ()
    invited: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()

    def payload(self, bot: str) -> JSON:
        """Return the conversation object for the app."""
        direct = bool(self.user)
        out: JSON = {
            "id": self.id,
            "is_im": direct,
            "is_mpim": False,
            "is_private": self.private or direct,
            "is_archived": False,
            "is_channel": not self.private and not direct,
            "is_group": self.private,
            "is_member": bot in self.members,
            "num_members": len(self.members),
            "created": 1_700_000_000,
            "is_shared": bool(self.partners or self.siblings),
            "is_org_shared": bool(self.siblings),
            "is_ext_shared": bool(self.partners),
            "is_pending_ext_shared": bool(self.invited),
            "pending_shared": list(self.invited),
            "pending_connected_team_ids": list(self.invited),
            "context_team_id": TEAM,
        }
        if self.partners or self.siblings:
            out |= {"shared_team_ids": [TEAM, *self.siblings, *self.partners], "internal_team_ids": list(self.siblings)}
        if self.partners:
            out |= {"connected_team_ids": list(self.partners), "conversation_host_id": TEAM}
        return out | (
            {"user": self.user, "is_open": True} if direct else {"name": self.name, "name_normalized": self.name}
        )


@dataclass
class Group:
    """A user group (`S…`); workspaces on the free plan have none."""

    id: str
    handle: str
    name: str
    users: list[str]


@dataclass
class Message:
    """One message. `only` names the only reader of an ephemeral message."""

    channel: str
    ts: str
    body: JSON
    only: str = ""

    @property
    def text(self) -> str:
        """The top-level text."""
        return str(self.body.get("text", ""))

    @property
    def blocks(self) -> list[JSON]:
        """The blocks, possibly none."""
        return list(self.body.get("blocks") or [])

    @property
    def user(self) -> str:
        """Return the author."""
        return str(self.body.get("user", ""))

    @property
    def thread_ts(self) -> str:
        """The parent's ts for a reply, else empty."""
        return str(self.body.get("thread_ts", ""))

    @property
    def files(self) -> list[JSON]:
        """The attached files."""
        return list(self.body.get("files") or [])

    @property
    def metadata(self) -> JSON:
        """The stored metadata, possibly empty."""
        return dict(self.body.get("metadata") or {})

    @property
    def everything(self) -> str:
        """All words on show, text and blocks, for assertions of the kind "says X"."""
        return "\n".join([self.text, *words(self.blocks)])

    def copy(self) -> "Message":
        """A copy which later edits do not reach."""
        return Message(self.channel, self.ts, deepcopy(self.body), self.only)


@dataclass
class View:
    """A modal or a Home tab, with what the person has filled in so far."""

    id: str
    user: str
    body: JSON
    hash: str
    values: dict[str, dict[str, JSON]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    notice: str = ""
    root: str = ""
    previous: str = ""

    @property
    def blocks(self) -> list[JSON]:
        """The blocks, possibly none."""
        return list(self.body.get("blocks") or [])

    def payload(self, app_id: str, bot_id: str) -> JSON:
        """The view object as the app gets it."""
        return deepcopy(self.body) | {
            "id": self.id,
            "team_id": TEAM,
            "hash": self.hash,
            "state": {"values": deepcopy(self.values)},
            "app_id": app_id,
            "bot_id": bot_id,
            "app_installed_team_id": TEAM,
            "root_view_id": self.root or self.id,
            "previous_view_id": self.previous or None,
            "private_metadata": self.body.get("private_metadata", ""),
            "callback_id": self.body.get("callback_id", ""),
            "external_id": self.body.get("external_id", ""),
            "submit": self.body.get("submit"),
            "close": self.body.get("close"),
            "clear_on_close": bool(self.body.get("clear_on_close")),
            "notify_on_close": bool(self.body.get("notify_on_close")),
        }


@dataclass
class File:
    """An uploaded file; `shared` lists the channels where it was posted."""

    id: str
    name: str
    title: str
    alt: str = ""
    data: bytes | None = None
    shared: list[str] = field(default_factory=list)

    def payload(self, base: str) -> JSON:
        """The file object; the addresses need the app's token."""
        kind = self.name.rpartition(".")[2].lower() if "." in self.name else "text"
        mime = {"csv": "text/csv", "json": "application/json", "png": "image/png", "html": "text/html"}.get(
            kind, "text/plain"
        )
        link = f"{base}/files/{self.id}/{self.name}"
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title,
            "filetype": kind,
            "mimetype": mime,
            "size": len(self.data or b""),
            "url_private": link,
            "url_private_download": link,
            "permalink": link,
            "alt_txt": self.alt,
        }


def words(value: Any) -> list[str]:
    """Every text, label and title inside blocks, in order."""
    if isinstance(value, list):
        return [word for item in value for word in words(item)]
    if not isinstance(value, dict):
        return []
    own = [value[key] for key in ("text", "title", "caption", "label", "alt_text") if isinstance(value.get(key), str)]
    return own + [word for item in value.values() if isinstance(item, (dict, list)) for word in words(item)]
