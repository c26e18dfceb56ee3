#!/usr/bin/python3
"""A small DNS server for tests that answers from a JSON file and misbehaves on demand.

    faultdns.py --port 0 --zone FILE.json [--ipv6] [--log FILE] [--exit-on-stdin-eof]

Prints "PORT n" when it listens, UDP and TCP, on 127.0.0.1 (with --ipv6 on ::1 too). SIGHUP reads the
zone again and prints "RELOADED" (or "BROKEN ..." and keeps the old one). SIGTERM ends it, and so does
the end of its parent (or, with --exit-on-stdin-eof, that of its standard input).
--log appends a line "NAME TYPE" for each query, names in lower case.

The server plays a recursive resolver to which the file is all there is in the DNS:

    {
      "$ttl": 60,                              seconds, of all records (60)
      "$negative-ttl": 60,                     SOA MINIMUM of negative answers (60); null: no SOA
      "example.org": {
        "A": ["192.0.2.1"], "AAAA": [...], "PTR": [...], "NS": [...],
        "MX": ["10 mail.example.org"],
        "TXT": ["v=spf1 -all", ["a ", "b"]],   one string, or one list of character-strings, a record;
                                               characters up to U+00FF are octets
        "TYPE99": ["\\u0001a"],                other types: the octets of the data
        "ttl": 5,                              of this name
        "fault": "servfail"                    or by type: {"TXT": "servfail"}
      },
      "*.example.org": {...},                  wildcard (RFC 4592)
      "www.example.org": {"CNAME": ["example.org"]}
    }

Names with deeper names exist (empty non-terminals); other names do not (NXDOMAIN). CNAMEs are followed;
a fault met on the way applies. Names are written as in zone files: \\. is a dot inside of a label.

Faults: silent, servfail, refused, formerr, notimp, garbage (our question, then noise), noise (nothing
but noise), wrong-id, wrong-question, truncate (TC over UDP, all over TCP), truncate-always, delay:SECONDS,
drop-first (every first UDP query with some ID is lost), cname-loop, no-edns (FORMERR to whoever sends
OPT), lame (a referral), badvers (RCODE 16).
"""

import argparse
import ctypes
import heapq
import itertools
import os
import random
import selectors
import signal
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True  # tests leave nothing in the tree

from faultzone import (CNAME, FORMERR, NOERROR, NXDOMAIN, OPT, RCODE_FAULTS, TYPES, Zone, printable,
                       record, type_name, wire_name)

QR, TC, RD, RA = 0x8000, 0x0200, 0x0100, 0x0080
CHAIN_MAX = 16


class Question:
    """A query as it came."""

    def __init__(self, query):
        self.id, self.flags, questions, _, _, additional = struct.unpack_from("!6H", query)
        labels = []
        pos = 12
        while query[pos]:
            if query[pos] > 63:
                raise ValueError("compressed question")
            labels.append(query[pos + 1:pos + 1 + query[pos]])
            pos += query[pos] + 1
        self.asked = query[12:pos + 5]
        self.type, _ = struct.unpack_from("!HH", query, pos + 1)
        if questions != 1:
            raise ValueError("not one question")
        self.labels = tuple(l.lower() for l in labels)
        self.edns = additional > 0 and query[pos + 5:pos + 8] == b"\0\0\x29"
        self.udp_size = max(512, struct.unpack_from("!H", query, pos + 8)[0]) if self.edns else 512

    def reply(self, rcode=NOERROR, answer=b"", authority=b"", counts=(0, 0), flags=RA, question=None,
              query_id=None, edns=True):
        opt = b""
        if self.edns and edns:
            opt = b"\0" + struct.pack("!HHBBHH", OPT, 1232, rcode >> 4, 0, 0, 0)
        header = struct.pack("!6H", self.id if query_id is None else query_id,
                             QR | flags | (self.flags & RD) | (rcode & 15), 1, counts[0], counts[1],
                             1 if opt else 0)
        return header + (question or self.asked) + answer + authority + opt


def resolve(zone, question):
    """@return (fault or None, the ordinary reply)"""
    labels, owner = question.labels, b"\xc0\x0c"
    answer, count, fault = b"", 0, None
    for _ in range(CHAIN_MAX):
        exists, node = zone.find(labels)
        if node:
            fault = node.fault_for(question.type)
            values = node.records.get(question.type, [])
            for data in values:
                answer += record(owner, question.type, node.ttl, data)
            count += len(values)
            if not values and node.cname is not None:
                answer += record(owner, CNAME, node.ttl, node.records[CNAME][0])
                count += 1
                labels, owner = node.cname, wire_name(node.cname)
                if fault:
                    break
                continue
            if values:
                return fault, question.reply(NOERROR, answer, counts=(count, 0))
        soa = zone.soa()
        return fault, question.reply(NOERROR if exists else NXDOMAIN, answer, soa,
                                     (count, 1 if soa else 0))
    return fault, question.reply(NOERROR, answer, counts=(count, 0))


def cname_loop(question):
    other = (b"loop",) + question.labels[-8:]
    return question.reply(
        answer=record(b"\xc0\x0c", CNAME, 60, wire_name(other)) +
        record(wire_name(other), CNAME, 60, wire_name(question.labels)), counts=(2, 0))


def lame(question):
    return question.reply(authority=record(b"\0", TYPES["NS"], 60, wire_name((b"ns", b"invalid"))),
                          counts=(0, 1), flags=0)


class Server:
    def __init__(self, options):
        self.options = options
        self.zone = Zone(options.zone)
        self.log = os.open(options.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) \
            if options.log else None
        self.selector = selectors.DefaultSelector()
        self.delayed = []
        self.order = itertools.count()
        self.dropped = set()
        self.running = True

    def listen(self):
        hosts = [(socket.AF_INET, "127.0.0.1")]
        if self.options.ipv6:
            hosts.append((socket.AF_INET6, "::1"))
        for _ in range(50):
            made = []
            port = self.options.port
            try:
                for family, host in hosts:
                    tcp = socket.socket(family, socket.SOCK_STREAM)
                    made.append(tcp)
                    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    tcp.bind((host, port))
                    port = tcp.getsockname()[1]
                    tcp.listen(128)
                    udp = socket.socket(family, socket.SOCK_DGRAM)
                    made.append(udp)
                    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
                    udp.bind((host, port))
                break
            except OSError:
                for sock in made:
                    sock.close()
                if self.options.port:
                    raise
        else:
            raise OSError("no free port")
        for sock in made:
            sock.setblocking(False)
            handler = self.read_udp if sock.type == socket.SOCK_DGRAM else self.accept
            self.selector.register(sock, selectors.EVENT_READ, handler)
        return port

    def read_udp(self, sock):
        for _ in range(64):
            try:
                query, peer = sock.recvfrom(65535)
            except OSError:
                return

            def send(reply, peer=peer):
                try:
                    sock.sendto(reply, peer)
                except OSError:
                    pass
            self.answer(query, send, tcp=False)

    def accept(self, sock):
        try:
            connection, _ = sock.accept()
        except OSError:
            return
        connection.setblocking(False)
        received = bytearray()

        def close():
            if connection.fileno() >= 0:
                self.selector.unregister(connection)
                connection.close()

        def send(reply):
            try:
                connection.setblocking(True)
                connection.sendall(struct.pack("!H", len(reply)) + reply)
                connection.setblocking(False)
            except OSError:
                close()

        def read(_):
            try:
                data = connection.recv(65535)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                close()
                return
            received.extend(data)
            while len(received) >= 2:
                end = 2 + struct.unpack_from("!H", received)[0]
                if len(received) < end:
                    return
                query = bytes(received[2:end])
                del received[:end]
                self.answer(query, send, tcp=True)
        self.selector.register(connection, selectors.EVENT_READ, read)

    def answer(self, query, send, tcp):
        try:
            question = Question(query)
        except (ValueError, IndexError, struct.error):
            return
        if self.log is not None:
            line = f"{printable(question.labels)} {type_name(question.type)}\n"
            os.write(self.log, line.encode("ascii"))
        fault, reply = resolve(self.zone, question)
        if fault and fault.startswith("delay:"):
            due = time.monotonic() + float(fault[6:])
            heapq.heappush(self.delayed, (due, next(self.order), send, self.fit(question, reply, tcp)))
            return
        if fault:
            reply = self.spoil(fault, question, reply, tcp)
        if reply is not None:
            send(self.fit(question, reply, tcp))

    @staticmethod
    def fit(question, reply, tcp):
        if tcp or len(reply) <= question.udp_size:
            return reply
        return question.reply(flags=RA | TC)

    def spoil(self, fault, question, reply, tcp):
        if fault in RCODE_FAULTS:
            return question.reply(RCODE_FAULTS[fault])
        if fault == "garbage":
            return question.reply(answer=random.randbytes(40), counts=(3, 0), edns=False)
        if fault == "noise":
            return struct.pack("!H", question.id) + random.randbytes(40)
        if fault == "wrong-id":
            return struct.pack("!H", question.id ^ 0x5555) + reply[2:]
        if fault == "wrong-question":
            return reply[:12] + wire_name((b"wrong", b"invalid")) + \
                question.asked[-4:] + reply[12 + len(question.asked):]
        if fault == "truncate-always" or (fault == "truncate" and not tcp):
            return question.reply(flags=RA | TC)
        if fault == "drop-first" and not tcp and question.id not in self.dropped:
            self.dropped.add(question.id)
            return None
        if fault == "cname-loop":
            return cname_loop(question)
        if fault == "no-edns" and question.edns:
            return question.reply(FORMERR, edns=False)
        if fault == "lame":
            return lame(question)
        if fault == "badvers":
            return question.reply(16)
        return None if fault == "silent" else reply

    def reload(self):
        try:
            self.zone = Zone(self.options.zone)
            say("RELOADED")
        except Exception as error:  # whatever is wrong with the file: the old zone stays
            say(f"BROKEN {error}")

    def read_signals(self, sock):
        for number in sock.recv(64):
            if number == signal.SIGHUP:
                self.reload()
            else:
                self.running = False

    def read_stdin(self, fd):
        if not os.read(fd.fileno(), 4096):
            self.running = False

    def run(self):
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno())
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        self.selector.register(reader, selectors.EVENT_READ, self.read_signals)
        if self.options.exit_on_stdin_eof:
            self.selector.register(sys.stdin, selectors.EVENT_READ, self.read_stdin)
        else:
            die_with_parent()
        say(f"PORT {self.listen()}")
        while self.running:
            wait = max(0, self.delayed[0][0] - time.monotonic()) if self.delayed else None
            for key, _ in self.selector.select(wait):
                key.data(key.fileobj)
            while self.delayed and self.delayed[0][0] <= time.monotonic():
                _, _, send, reply = heapq.heappop(self.delayed)
                send(reply)


def say(line):
    try:
        print(line, flush=True)
    except OSError:
        pass  # nobody listens any more


def die_with_parent():
    parent = os.getppid()
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--zone", required=True, metavar="FILE")
    parser.add_argument("--log", metavar="FILE")
    parser.add_argument("--ipv6", action="store_true", help="listen on ::1 too")
    parser.add_argument("--exit-on-stdin-eof", action="store_true")
    Server(parser.parse_args()).run()


if __name__ == "__main__":
    main()
