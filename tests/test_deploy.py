"""Files in config/deploy: accepted by the tools that read them, and true to the program."""

import configparser
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from bot.slack.metrics import CALLS, HELP, Metrics
from connectors.calls import KINDS, Calls
from workflows.storage.rows.watch import FindingKind
from workflows.storage.work import TASKS

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "config" / "deploy"
GUIDE = ROOT / "docs" / "how-to" / "watch-handover.md"
KUBERNETES = "1.32"
METRIC = re.compile(r"\bhandover_[a-z_]+")
PROMTOOL, ANALYZE = shutil.which("promtool"), shutil.which("systemd-analyze")


def documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(one) for one in command], check=False, capture_output=True, text=True, timeout=120)


def hadolint(file: Path) -> subprocess.CompletedProcess[str]:
    return run(Path(sys.executable).parent / "hadolint", file)


def test_the_image_passes_hadolint_and_a_planted_fault_does_not(tmp_path: Path) -> None:
    file = DEPLOY / "Containerfile"
    assert hadolint(file).stdout == ""
    planted = tmp_path / "Containerfile"
    planted.write_text(file.read_text(encoding="utf-8") + "RUN cd /tmp && sudo true\n", encoding="utf-8")
    assert hadolint(planted).returncode == 1


def test_the_manifests_are_those_of_kubernetes_and_a_planted_key_is_not() -> None:
    manifests = documents("kubernetes.yaml")
    for one in manifests:
        kubernetes_validate.validate(one, KUBERNETES, strict=True)
    [deployment] = [one for one in manifests if one["kind"] == "Deployment"]
    deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES, strict=True)


class Unit(configparser.ConfigParser):
    """Unit file of systemd, whose keys have capitals and may come twice."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit() -> Unit:
    parser = Unit(strict=False, interpolation=None, delimiters=("=",))
    parser.read(DEPLOY / "handover.service", encoding="utf-8")
    return parser


def test_the_unit_starts_the_bot_as_the_guide_says_and_gives_it_time_to_end(tmp_path: Path) -> None:
    service = unit()["Service"]
    assert service["ExecStart"] == "/opt/handover/bin/handover run --config /etc/handover/handover.toml"
    assert service["RestartPreventExitStatus"] == "78"
    assert float(service["TimeoutStopSec"]) > 25
    hardened = {"SystemCallFilter", "MemoryMax", "TasksMax", "UMask", "ProtectSystem", "MemoryDenyWriteExecute"}
    assert hardened <= service.keys()
    if ANALYZE:
        file = tmp_path / "handover.service"
        text = (DEPLOY / "handover.service").read_text(encoding="utf-8")
        file.write_text(text.replace("/opt/handover/bin/handover", "/bin/true"), encoding="utf-8")
        assert run(ANALYZE, "verify", file).stderr == ""
        file.write_text(file.read_text(encoding="utf-8").replace("UMask=", "UMaks="), encoding="utf-8")
        assert "UMaks" in run(ANALYZE, "verify", file).stderr


def test_the_compose_file_keeps_what_the_bot_needs() -> None:
    [compose] = documents("compose.yaml")
    bot, database = compose["services"]["handover"], compose["services"]["database"]
    assert (DEPLOY / bot["build"]["context"]).resolve() == ROOT
    assert (ROOT / bot["build"]["dockerfile"]).is_file()
    assert bot["depends_on"]["database"]["condition"] == "service_healthy"
    assert database["healthcheck"]
    assert {volume.partition(":")[0] for one in (bot, database) for volume in one["volumes"]} >= set(compose["volumes"])
    assert int(database["image"].partition(":")[2]) >= 14
    known = {"build", "image", "restart", "stop_grace_period", "read_only", "tmpfs", "cap_drop", "security_opt"}
    known |= {"mem_limit", "pids_limit", "volumes", "depends_on", "shm_size", "environment", "secrets", "healthcheck"}
    assert known >= bot.keys() | database.keys()


def served() -> set[str]:
    """Return the names under which Prometheus finds the metrics."""
    text = Metrics(calls=lambda: {"crm": Calls().counts()}).text()
    return {line.split()[0].partition("{")[0] for line in text.splitlines() if not line.startswith("#")} | set(HELP)


def test_every_alert_and_panel_asks_for_metrics_that_exist_and_the_guide_names_them() -> None:
    [alerts] = documents("alerts.yml")
    rules = [rule for group in alerts["groups"] for rule in group["rules"]]
    assert all(rule["annotations"]["action"] and rule["labels"]["severity"] in ("page", "ticket") for rule in rules)
    dashboard = json.loads((DEPLOY / "dashboard.json").read_text(encoding="utf-8"))
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    named = {name for expression in (*(rule["expr"] for rule in rules), *panels) for name in METRIC.findall(expression)}
    assert named <= served()
    guide = set(METRIC.findall(GUIDE.read_text(encoding="utf-8")))
    counters = {f"{name}_total" for name in CALLS}
    assert set(HELP) | counters | {"handover_slack_requests_total", "handover_slack_ack_seconds"} == guide
    kinds = {kind.replace(" ", "_") for kind in FindingKind} | set(KINDS.values())
    values = {"kind": kinds, "task": set(TASKS)}
    for rule in rules:
        for label, listed in re.findall(r'(\w+)=~"([^"]+)"', rule["expr"]):
            assert set(listed.split("|")) <= values[label], rule["alert"]
    if PROMTOOL:
        checked = run(PROMTOOL, "check", "rules", DEPLOY / "alerts.yml")
        assert checked.returncode == 0, checked.stderr
