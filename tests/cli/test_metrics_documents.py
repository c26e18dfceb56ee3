"""The documents about metrics, held against what the daemons really export: the tables of
doc/operations.md, the Grafana dashboard, the alert rules."""

import json
import os
import re

import pytest
import yaml

from lab import Daemon, free_port
from scrape import Scrape
from tool import TOP, program, write_config

NAME = re.compile(r"\b(?:truefrom|process)_[a-z0-9_]+\b")


@pytest.fixture(name="exported", scope="module")
def exported_fixture(tmp_path_factory):
    """Of each program: {metric: (type, {label: its values})}."""
    folder = tmp_path_factory.mktemp("documents")
    os.mkdir(folder / "state")
    endpoints = {name: f"inet:{free_port()}@127.0.0.1" for name in ("policyd", "milter")}
    path = write_config(folder, **{name: f'MetricsSocket = "{endpoint}";'
                                   for name, endpoint in endpoints.items()})
    found = {}
    for name, endpoint in endpoints.items():
        daemon = Daemon(f"truefrom-{name}", [program(f"truefrom-{name}"), "-c", path], folder,
                        notify=True, env={"TRUEFROM_ALLOW_ROOT": "1"})
        try:
            found[name] = families_of(Scrape(endpoint))
        finally:
            assert daemon.stop() == 0, daemon.text()
    return found


def families_of(scrape):
    types = dict(line.split()[2:4] for line in scrape.text.splitlines() if line.startswith("# TYPE"))
    families = {}
    for family in scrape.families:
        name = family.name if family.name in types else family.name + "_total"
        labels = {}
        for sample in family.samples:
            for label, value in sample.labels.items():
                if label != "le" and value not in labels.setdefault(label, []):
                    labels[label].append(value)
        families[name] = types[name], labels
    assert set(families) == set(types)
    return families


def documented():
    """The rows of the tables: {metric: (type, {label: values})}, of each heading."""
    with open(f"{TOP}/doc/operations.md", encoding="utf-8") as file:
        text = file.read().split("## Metrics\n")[1].split("\n## ")[0]
    rows = {}
    for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", text, re.M):
        assert name not in rows, name
        rows[name] = kind, labels.strip()
    return rows


def as_documented(labels):
    return "; ".join(f"{label}: {', '.join(values)}" for label, values in labels.items())


def test_each_metric_is_documented_with_its_labels(exported):
    rows = documented()
    assert set(rows) == set(exported["policyd"]) | set(exported["milter"])
    for families in exported.values():
        for name, (kind, labels) in families.items():
            if name == "truefrom_build_info":
                assert rows[name] == ("gauge", "program, version")
            else:
                assert rows[name] == (kind, as_documented(labels)), name


def test_names_follow_the_conventions(exported):
    for families in exported.values():
        for name, (kind, labels) in families.items():
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
            assert (kind == "counter") == name.endswith("_total"), name
            for values in labels.values():
                assert all(re.fullmatch(r"[a-z0-9_.-]+", value) for value in values), (name, values)


def all_series(exported):
    """The names that may stand in a query."""
    names = set()
    for families in exported.values():
        for name, (kind, _) in families.items():
            names |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} \
                if kind == "histogram" else {name}
    return names


def check_expression(expression, exported):
    names = set(NAME.findall(re.sub(r'"[^"]*"', '""', expression)))
    assert names and names <= all_series(exported), (expression, names - all_series(exported))
    # a label's value that does not exist would select nothing, and nobody would notice
    for name, selector in re.findall(r"\b((?:truefrom)_\w+)\{([^}]*)\}", expression):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        labels = next(families[base][1] for families in exported.values() if base in families)
        for label, _, value in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', selector):
            if label not in ("instance", "job"):
                assert set(value.split("|")) <= set(labels[label]), (expression, label, value)
    return names


def test_the_dashboard_shows_what_there_is(exported):
    with open(f"{TOP}/etc/grafana/truefrom.json", encoding="utf-8") as file:
        dashboard = json.load(file)
    shown, ids = set(), []
    for panel in dashboard["panels"]:
        ids.append(panel["id"])
        assert panel["title"]
        for target in panel.get("targets", []):
            shown |= check_expression(target["expr"], exported)
            assert target["datasource"]["uid"] == "${datasource}"
    assert len(set(ids)) == len(ids) > 10
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert set(variables) == {"datasource", "instance"}
    check_expression(variables["instance"]["definition"], exported)
    assert dashboard["schemaVersion"] == 36  # Grafana 9.0
    # each metric has its place
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    assert shown == set(exported["policyd"]) | set(exported["milter"])


def test_panels_do_not_overlap():
    with open(f"{TOP}/etc/grafana/truefrom.json", encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_alert_rules_ask_for_what_there_is(exported):
    with open(f"{TOP}/etc/prometheus/truefrom.rules.yml", encoding="utf-8") as file:
        (group,) = yaml.safe_load(file)["groups"]
    names = [rule["alert"] for rule in group["rules"]]
    assert len(set(names)) == len(names) > 5
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("critical", "warning") and rule["annotations"]["summary"]
        if not rule["expr"].startswith("up{"):
            check_expression(rule["expr"], exported)


def test_the_example_reads_the_sockets_of_the_example():
    with open(f"{TOP}/etc/prometheus/scrape.yml", encoding="utf-8") as file:
        jobs = {job["job_name"]: job["static_configs"][0]["targets"]
                for job in yaml.safe_load(file)["scrape_configs"]}
    with open(f"{TOP}/etc/truefrom.conf", encoding="utf-8") as file:
        policyd, milter = re.findall(r'#MetricsSocket = "inet:(\d+)@127\.0\.0\.1";', file.read())
    assert jobs == {"truefrom-policyd": [f"127.0.0.1:{policyd}"],
                    "truefrom-milter": [f"127.0.0.1:{milter}"]}
