"""The reference of the command line, from the commands themselves."""

import inspect
from enum import Enum
from typing import Any, get_args

HEAD = """<!-- Generated from the command line itself; a test holds it up to date. -->
# Commands

Every command takes `--help`. With `--json` a command prints JSON instead of tables. A terminal gets tables that
fit it; in a pipe the output is plain text, one line a row.

With `--json` an error is the last line of standard error, and standard output is empty. `code` is a word for
programs:

```json
{"error": {"code": "not_open", "message": "This case can no longer be changed that way.", "next": "..."}}
```

`handover --version` prints the version. `handover --install-completion` installs completion for your shell, and
`handover --show-completion` prints the script.

| exit code | meaning |
|---|---|
| 0 | good |
| 1 | something is not good: an account open or unknown, a fault found, nothing proven |
| 2 | wrong use or configuration |
| 78 | the stored data belongs to a newer version |
"""


def commands(group: Any) -> str:
    """Return docs/reference/commands.md."""
    return "\n".join([HEAD, *(_command(name, command.load()) for name, command in group.commands.items())])


def _command(name: str, command: Any) -> str:
    text, _, examples = inspect.cleandoc(command.help).partition("\b\n")
    arguments = [_argument(param) for param in command.params if param.param_type_name == "argument"]
    usage = " ".join(["handover", name, *arguments])
    lines = [f"### `handover {name}`", "", text.strip(), "", f"`{usage} [OPTIONS]`", ""]
    options = [param for param in command.params if param.param_type_name == "option"]
    if options:
        lines += ["| option | meaning | default |", "|---|---|---|", *(_option(param) for param in options), ""]
    shown = inspect.cleandoc(examples.partition("\n")[2])
    return "\n".join([*lines, "```sh", shown, "```", ""])


def _argument(param: Any) -> str:
    name = str(param.metavar or param.name.upper())
    return name if param.required else f"[{name}]"


def _option(param: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
    value = param.default.value if hasattr(param.default, "value") else param.default
    default = "" if value in (None, False, "", []) else f"`{value}`"
    kind = param.type_descriptor.annotation
    choices = [choice.value for choice in kind] if isinstance(kind, type) and issubclass(kind, Enum) else get_args(kind)
    named = [f"`{choice}`" for choice in choices if isinstance(choice, str)]
    words = f" One of {', '.join(named)}." if named else ""
    return f"| {names} | {param.help}{words} | {default} |"
