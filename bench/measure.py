#!/usr/bin/python3
"""Truefrom and its peers, measured in turns in one run. Started by bench/run, which prepares all that is
needed; the parts are functions below, each for one target of doc/performance.md."""

import argparse
import concurrent.futures
import contextlib
import json
import os
import statistics
import sys
import time

import draw
import report
from servers import (DNS_FAR, DNS_SLOW, DOMAINS, FAR_MS, Bench, LeanNullMilter, NullMilter, NullPolicy,
                     OpenDMARC, Postfix, SPFMilter, Truefrom)

SESSION_LENGTHS = (1, 20)
CLOCK_TICK = 1 / os.sysconf("SC_CLK_TCK")


class Run:
    """What all parts share: the servers' home, how much is measured, and what came of it."""

    def __init__(self, bench, quick):
        self.bench, self.quick = bench, quick
        self.rounds = 1 if quick else 5
        self.rows, self.targets = [], []

    def count(self, messages):
        return max(messages // 50, 200) if self.quick else messages

    def row(self, part, name, **figures):
        self.rows.append({"part": part, "name": name, **figures})
        print(report.line(self.rows[-1]), flush=True)

    def target(self, number, text, value, limit, least=False):
        met = value >= limit if least else value <= limit
        self.targets.append({"number": number, "text": text, "value": value, "limit": limit,
                             "least": least, "met": met})
        print(report.target_line(self.targets[-1]), flush=True)

    def measure(self, usage, *load):
        """One run of the load generator against a server, and what it cost that."""
        before = usage.cpu()
        result = self.bench.load(*load)
        spent = max(usage.cpu() - before, CLOCK_TICK / 2)  # a quick run may take less than it can tell
        result["cpu_us"] = spent / result["messages"] * 1e6
        result["rate"] = result["messages"] / result["seconds"]
        return result


def median(results):
    """The figures of several rounds, each figure's median."""
    return {"rate": statistics.median(r["rate"] for r in results),
            "cpu_us": statistics.median(r["cpu_us"] for r in results),
            "p50": statistics.median(r["latency_us"]["p50"] for r in results),
            "p99": statistics.median(r["latency_us"]["p99"] for r in results)}


def in_turns(run, contenders, one):
    """Each contender's results of all rounds; round by round, so that noise hits all alike."""
    results = {name: [] for name in contenders}
    for _ in range(run.rounds):
        for name, server in contenders.items():
            results[name].append(one(name, server))
    return {name: median(found) for name, found in results.items()}


def add_rows(run, part, figures, servers, reference):
    base = figures[reference]
    for name, found in figures.items():
        run.row(part, name, **found, rate_ratio=found["rate"] / base["rate"],
                cpu_ratio=found["cpu_us"] / base["cpu_us"],
                rss_kib=servers[name].usage.memory() if name in servers else None,
                own_kib=servers[name].usage.memory("RssAnon") if name in servers else None)


@contextlib.contextmanager
def servers_of(run, kinds):
    """All contenders, running."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(run.bench.server(kind, **options))
               for name, (kind, options) in kinds.items()}


# --- 1: the milter alone ------------------------------------------------------------------------------

def part_milter(run):
    kinds = {"null milter": (NullMilter, {}),
             "null milter, fewest events": (LeanNullMilter, {}),
             "truefrom-milter": (Truefrom, {}),
             "opendmarc without SPF": (OpenDMARC, {"spf": False})}
    with servers_of(run, kinds) as servers:
        for length in SESSION_LENGTHS:
            def one(name, server, length=length):
                instant = run.bench.next_instant()
                if server.policy:  # what policyd stored is there before the milter is measured
                    run.bench.load("-p", server.policy, "-n", run.count(20000), "-s", length, "-i", instant)
                    usage = server.usage_of("milter")
                else:
                    usage = server.usage
                return run.measure(usage, "-m", server.milter, "-n", run.count(20000), "-s", length,
                                   "-i", instant)
            for name, server in servers.items():
                one(name, server)  # warm
            figures = in_turns(run, servers, one)
            part = f"milter, {length} a connection"
            add_rows(run, part, figures, servers, "null milter")
            ours, null = figures["truefrom-milter"], figures["null milter"]
            lean = figures["null milter, fewest events"]
            run.target(1, f"{part}: CPU a message against the null milter",
                       ours["cpu_us"] / null["cpu_us"], 1.25)
            run.target(1, f"{part}: messages/s against the null milter", ours["rate"] / null["rate"],
                       0.85, least=True)
            run.target("1, stricter", f"{part}: CPU a message against the null milter with the fewest events",
                       ours["cpu_us"] / lean["cpu_us"], 1.25)
            run.target("1, stricter", f"{part}: messages/s against the null milter with the fewest events",
                       ours["rate"] / lean["rate"], 0.85, least=True)


def part_cold(run):
    """The first message of each domain, with a resolver that is 20 ms away."""
    with run.bench.server(Truefrom, dns=DNS_FAR) as server:
        instant = run.bench.next_instant()
        run.bench.load("-p", server.policy, "-n", DOMAINS, "-i", instant, "-c", 20)
        found = {}
        for name in ("cold", "warm"):
            found[name] = run.measure(server.usage_of("milter"), "-m", server.milter, "-n", DOMAINS,
                                      "-i", instant, "-c", 4)
            run.row("cold DNS, 20 ms away", f"truefrom-milter, {name}", **median([found[name]]))
        added = (found["cold"]["latency_us"]["p50"] - found["warm"]["latency_us"]["p50"]) / 1000
        run.target(1, "cold DNS: round trips that a domain's first message waits for", added / FAR_MS, 2)


# --- 2: the whole ----------------------------------------------------------------------------------------

def part_whole(run):
    kinds = {"opendmarc with SPFSelfValidate": (OpenDMARC, {}), "truefrom (both daemons)": (Truefrom, {})}
    with servers_of(run, kinds) as servers:
        for length in SESSION_LENGTHS:
            def one(_, server, length=length):
                policy = ["-p", server.policy] if server.policy else []
                return run.measure(server.usage, "-m", server.milter, *policy, "-n", run.count(20000),
                                   "-s", length, "-i", run.bench.next_instant())
            for name, server in servers.items():
                one(name, server)  # warm
            figures = in_turns(run, servers, one)
            part = f"whole, {length} a connection"
            add_rows(run, part, figures, servers, "opendmarc with SPFSelfValidate")
            ours, theirs = figures["truefrom (both daemons)"], figures["opendmarc with SPFSelfValidate"]
            run.target(2, f"{part}: messages/s against opendmarc", ours["rate"] / theirs["rate"], 1.5,
                       least=True)
            run.target(2, f"{part}: CPU a message against opendmarc", ours["cpu_us"] / theirs["cpu_us"],
                       0.7)


# --- 3: the policy service ---------------------------------------------------------------------------------

def requests(result):
    """A message is two requests: RCPT and DATA."""
    return {**result, "rate": result["rate"] * 2, "cpu_us": result["cpu_us"] / 2}


def part_policy(run):
    kinds = {"null policy server": (NullPolicy, {}), "truefrom-policyd": (Truefrom, {"milter": False})}
    with servers_of(run, kinds) as servers:
        def one(_, server):
            return requests(run.measure(server.usage, "-p", server.policy, "-n", run.count(50000), "-c",
                                        100, "-i", run.bench.next_instant()))
        for name, server in servers.items():
            one(name, server)
        figures = in_turns(run, servers, one)
        part = "policy requests, 100 connections"
        add_rows(run, part, figures, servers, "null policy server")
        ours, null = figures["truefrom-policyd"], figures["null policy server"]
        run.target(3, "policyd: requests/s against the null policy server, 100 connections",
                   ours["rate"] / null["rate"], 0.6, least=True)
        half = run.measure(servers["truefrom-policyd"].usage, "-p", servers["truefrom-policyd"].policy,
                           "-n", run.count(50000), "-c", 100, "-i", run.bench.next_instant(), "-r",
                           ours["rate"] / 4)  # messages: half of the top rate of requests
        run.row("policy requests, at half of the top rate", "truefrom-policyd",
                **median([requests(half)]))
        run.target(3, "policyd: p99 at half of the top rate, ms", half["latency_us"]["p99"] / 1000, 5)


def part_spf_servers(run):
    """Debian's SPF servers, as they are run: below spawn(8) of a real Postfix master, a process a
    connection. What it takes to start these is taken out: two runs of different length."""
    part = "SPF for Postfix, 20 connections"
    figures, servers = {}, {}
    with contextlib.ExitStack() as stack:
        postfix = stack.enter_context(run.bench.server(Postfix))
        ours = stack.enter_context(run.bench.server(Truefrom, milter=False))
        spf_milter = stack.enter_context(run.bench.server(SPFMilter))
        for name in Postfix.SPAWNED:
            figures[name + " below spawn(8)"] = spawned(run, postfix, f"{postfix.queue}/private/{name}")
        run.bench.load("-p", ours.policy, "-n", run.count(10000), "-c", 20)
        figures["truefrom-policyd"] = median([requests(run.measure(
            ours.usage, "-p", ours.policy, "-n", run.count(50000), "-c", 20, "-i",
            run.bench.next_instant())) for _ in range(run.rounds)])
        servers["truefrom-policyd"] = ours
        milter = median([run.measure(spf_milter.usage, "-m", spf_milter.milter, "-n", run.count(2000),
                                     "-c", 20)])
        add_rows(run, part, figures, servers, "spf-python below spawn(8)")
        run.row("SPF milter, 1 a connection", "pyspf-milter", **milter,
                rss_kib=spf_milter.usage.memory())
    run.target(3, "policyd: requests/s against postfix-policyd-spf-python below spawn(8)",
               figures["truefrom-policyd"]["rate"] / figures["spf-python below spawn(8)"]["rate"], 20,
               least=True)


def spawned(run, postfix, path):
    few, many = run.count(1000), run.count(1000) * 4
    done = []
    for count in (few, many):
        done.append(run.measure(postfix.usage, "-p", path, "-n", count, "-c", 20, "-i",
                                run.bench.next_instant()))
        time.sleep(2)  # until all processes have ended and their time is counted
    seconds = done[1]["seconds"] - done[0]["seconds"]
    cpu = done[1]["cpu_us"] * many - done[0]["cpu_us"] * few
    found = {**done[1], "rate": (many - few) / max(seconds, 1e-3), "cpu_us": cpu / (many - few)}
    return median([requests(found)])


# --- 4: many connections and slow DNS ------------------------------------------------------------------

def crowd(run, seconds, slow):
    """1,000 policy and 500 milter connections at once, at a steady rate; what each daemon did."""
    with run.bench.server(Truefrom, dns=DNS_SLOW) as server, \
            concurrent.futures.ThreadPoolExecutor() as pool:
        run.bench.load("-p", server.policy, "-n", 2000, "-c", 20)
        run.bench.load("-m", server.milter, "-n", 2000, "-c", 20)
        options = ["-S", 10] if slow else []
        policy = pool.submit(run.measure, server.usage_of("policyd"), "-p", server.policy, "-c", 1000,
                             "-r", 1000, "-n", 1000 * seconds, *options)
        milter = pool.submit(run.measure, server.usage_of("milter"), "-m", server.milter, "-c", 500,
                             "-s", 50, "-r", 200, "-n", 200 * seconds, *options)
        found = {"policyd, 1,000 connections": policy.result(),
                 "milter, 500 connections": milter.result()}
        for name, result in found.items():
            usage = server.usage_of(name.split(",", maxsplit=1)[0])
            result["rss_kib"], result["own_kib"] = usage.memory("VmHWM"), usage.memory("RssAnon")
        return found


def part_concurrency(run):
    rounds, seconds = (1, 4) if run.quick else (3, 15)
    kinds = {"DNS fast": False, "one domain in ten slow": True}
    found = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, slow in kinds.items():
            found[name].append(crowd(run, seconds, slow))
    for daemon in found["DNS fast"][0]:
        p99 = {}
        for name in kinds:
            results = [result[daemon] for result in found[name]]
            figures = median(results)
            p99[name] = figures["p99"]
            run.row("many connections, " + name, daemon, **figures,
                    **{key: int(statistics.median(r[key] for r in results)) for key in ("rss_kib", "own_kib")})
        run.target(4, f"{daemon}: p99 of the other domains against that without slow ones",
                   p99["one domain in ten slow"] / p99["DNS fast"], 2)
        memory = max(result[daemon]["rss_kib"] for result in found["DNS fast"])
        run.target(5, f"{daemon}: resident memory, MiB", memory / 1024, 32)


# --- 5: growth ------------------------------------------------------------------------------------------------

def part_growth(run):
    sizes = (1000, 5000) if run.quick else (1000, 10000, 100000, 1000000)
    part = "growth of the store"
    costs = []
    with run.bench.server(Truefrom) as server:
        run.bench.load("-p", server.policy, "-n", 2000, "-i", run.bench.next_instant())
        passed = 0
        for size in sizes:
            instant, sample = run.bench.next_instant(), 1000 if size == 1000 else run.count(10000)
            if size - sample > passed:
                run.bench.load("-p", server.policy, "-n", size - sample - passed, "-c", 100, "-i",
                               run.bench.next_instant())
            found = [run.measure(server.usage_of("policyd"), "-p", server.policy, "-n", sample, "-i",
                                 instant, "-c", 8)]
            joined = run.measure(server.usage_of("milter"), "-m", server.milter, "-n", sample, "-i",
                                 instant)
            passed = size
            costs.append(found[0]["cpu_us"] + joined["cpu_us"])
            run.row(part, f"policyd, {size} messages passed", **median(found))
            run.row(part, f"milter, {size} messages passed", **median([joined]))
    run.target(5, f"cost a message after {sizes[-1]} messages against {sizes[1]}", costs[-1] / costs[1],
               1.25)


def ignore_file(run, lines):
    path = f"{run.bench.folder}/ignore-{lines}.hosts"
    with open(path, "w", encoding="ascii") as file:
        for i in range(lines // 2):
            file.write(f"{11 + i // 65536}.{i // 256 % 256}.{i % 256}.1\nmail{i}.example.org\n")
    return path


def part_ignore(run):
    for line in run.bench.output("ignore_lookup").splitlines():
        count, nanoseconds, compile_ms = line.split()
        run.row("ignore.hosts look-up", f"{count} lines", nanoseconds=float(nanoseconds),
                compile_ms=float(compile_ms))
    kinds = {f"{lines} lines": (Truefrom, {"IgnoreHosts": ignore_file(run, lines)})
             for lines in (10, 100000)}
    with servers_of(run, kinds) as servers:
        def one(_, server):
            return run.measure(server.usage, "-m", server.milter, "-p", server.policy, "-n",
                               run.count(10000), "-s", 20, "-i", run.bench.next_instant())
        for name, server in servers.items():
            one(name, server)
        figures = in_turns(run, servers, one)
        add_rows(run, "whole, with an ignore.hosts", figures, servers, "10 lines")
    run.target(5, "CPU a message with 100,000 lines in ignore.hosts against 10 lines",
               figures["100000 lines"]["cpu_us"] / figures["10 lines"]["cpu_us"], 1.1)


# --- 6: through Postfix ---------------------------------------------------------------------------------------

def part_postfix(run):
    count = run.count(5000)
    policy = "check_policy_service {{ unix:{}, timeout=20s, default_action=DUNNO }}"
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(run.bench.server(Truefrom))
        theirs = stack.enter_context(run.bench.server(OpenDMARC))
        ask = policy.format(ours.policy)
        services = {
            "Postfix alone": {},
            "Postfix with opendmarc": {"smtpd_milters": f"unix:{theirs.milter}"},
            "Postfix with truefrom": {
                "smtpd_milters": f"unix:{ours.milter}",
                "smtpd_recipient_restrictions": f"reject_unauth_destination, {ask}",
                "smtpd_data_restrictions": ask},
        }
        postfix = stack.enter_context(run.bench.server(Postfix, services=services))

        def one(name, _):
            seconds = postfix.send(name, count, 20)
            return {"rate": count / seconds, "cpu_us": 0,
                    "latency_us": {"p50": seconds / count * 1e6, "p99": 0}}
        for name in services:
            one(name, None)
        figures = in_turns(run, services, one)
    alone = figures["Postfix alone"]
    for name, found in figures.items():
        run.row("through Postfix, 20 sessions", name, rate=found["rate"],
                rate_ratio=found["rate"] / alone["rate"], added_us=found["p50"] - alone["p50"])
    added = {name: found["p50"] - alone["p50"] for name, found in figures.items()}
    run.target(6, "through Postfix: time that truefrom adds to a message against what opendmarc adds",
               added["Postfix with truefrom"] / max(added["Postfix with opendmarc"], 1e-3), 1)


PARTS = {"milter": part_milter, "cold": part_cold, "whole": part_whole, "policy": part_policy,
         "spf": part_spf_servers, "concurrency": part_concurrency, "growth": part_growth,
         "ignore": part_ignore, "postfix": part_postfix}


def main():
    parser = argparse.ArgumentParser(prog="bench/run", description="Measure Truefrom beside its peers.")
    parser.add_argument("--build", default="build/bench", help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="few messages: does it work?")
    parser.add_argument("--write", action="store_true", help="bring doc/performance.* up to date")
    parser.add_argument("parts", nargs="*", metavar="PART", help="some of: " + ", ".join(PARTS))
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error("no such part: " + ", ".join(sorted(unknown)))
    with Bench(arguments.build) as bench:
        run = Run(bench, arguments.quick)
        for name in arguments.parts or PARTS:
            PARTS[name](run)
    results = {"date": time.strftime("%Y-%m-%d"), "rows": run.rows, "targets": run.targets}
    print("\n" + report.tables(results))
    with open(f"{arguments.build}/results.json", "w", encoding="ascii") as file:
        json.dump(results, file, indent=1)
    if arguments.write:
        report.write_document(results)
        draw.write_picture(results)
    missed = sum(not target["met"] for target in run.targets)
    print(f"{len(run.targets) - missed} targets met, {missed} missed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
