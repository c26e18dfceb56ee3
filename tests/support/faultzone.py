"""The zone file of faultdns.py: names, what they hold, and how they misbehave."""

import json
import socket
import struct

import dns.name
import dns.rdatatype

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
CNAME, SOA, OPT = 5, 6, 41
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
RCODE_FAULTS = {"servfail": SERVFAIL, "refused": REFUSED, "formerr": FORMERR, "notimp": NOTIMP}
FAULTS = set(RCODE_FAULTS) | {
    "silent", "garbage", "noise", "wrong-id", "wrong-question", "truncate", "truncate-always",
    "drop-first", "cname-loop", "no-edns", "lame", "badvers"}


def octets(text):
    """Characters up to U+00FF as octets; a text with others as UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8")


def labels_of(name):
    """A name of the zone file as a tuple of lower-case labels."""
    if name in ("", "."):
        return ()
    return tuple(l.lower() for l in dns.name.from_text(octets(name), dns.name.root).labels[:-1])


def wire_name(labels):
    return b"".join(bytes([len(l)]) + l for l in labels) + b"\0"


def printable(labels):
    return dns.name.Name(labels + (b"",)).to_text(omit_final_dot=True).lower()


def txt_data(value):
    strings = [octets(s) for s in ([value] if isinstance(value, str) else value)]
    chunks = []
    for string in strings:
        if isinstance(value, str):
            chunks += [string[i:i + 255] for i in range(0, len(string), 255)] or [b""]
        else:
            chunks.append(string)
    return b"".join(bytes([len(c)]) + c for c in chunks)


def record_data(kind, value):
    if kind == "TXT":
        return txt_data(value)
    if kind in ("CNAME", "PTR", "NS"):
        return wire_name(labels_of(value))
    if kind == "MX":
        preference, exchange = value.split(None, 1) if isinstance(value, str) else value
        return struct.pack("!H", int(preference)) + wire_name(labels_of(exchange))
    if kind in ("A", "AAAA"):
        return socket.inet_pton(socket.AF_INET if kind == "A" else socket.AF_INET6, value)
    return octets(value)


def type_name(number):
    return TYPE_NAMES.get(number) or dns.rdatatype.to_text(number)


def valid_fault(fault):
    if not isinstance(fault, str):
        return False
    if fault.startswith("delay:"):
        return float(fault[6:]) >= 0
    return fault in FAULTS


class Node:
    """What one name holds."""

    def __init__(self, content, ttl):
        self.ttl = content.get("ttl", ttl)
        self.records = {}
        self.cname = None
        self.fault = content.get("fault", {})
        if isinstance(self.fault, str):
            self.fault = {"*": self.fault}
        for fault in self.fault.values():
            if not valid_fault(fault):
                raise ValueError(f"unknown fault: {fault}")
        for kind, values in content.items():
            if kind in ("ttl", "fault"):
                continue
            number = TYPES.get(kind) or int(dns.rdatatype.from_text(kind))
            self.records[number] = [record_data(kind, value) for value in values]
            if number == CNAME:
                self.cname = labels_of(values[0])

    def fault_for(self, qtype):
        return self.fault.get(type_name(qtype)) or self.fault.get("*")


class Zone:
    """The whole file; never changed once it is read."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        ttl = content.pop("$ttl", 60)
        self.negative_ttl = content.pop("$negative-ttl", 60)
        self.nodes = {labels_of(name): Node(value, ttl) for name, value in content.items()}
        self.names = {()}
        for labels in self.nodes:
            self.names.update(labels[i:] for i in range(len(labels)))

    def find(self, labels):
        """@return (exists, node or None)"""
        if labels in self.names:
            return True, self.nodes.get(labels)
        closest = labels
        while closest not in self.names:
            closest = closest[1:]
        wildcard = self.nodes.get((b"*",) + closest)
        return wildcard is not None, wildcard

    def soa(self):
        if self.negative_ttl is None:
            return b""
        data = wire_name(()) * 2 + struct.pack("!5I", 1, 3600, 600, 86400, self.negative_ttl)
        return record(b"\0", SOA, self.negative_ttl, data)


def record(owner, rtype, ttl, data):
    return owner + struct.pack("!HHIH", rtype, 1, ttl, len(data)) + data
