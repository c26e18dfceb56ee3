#!/usr/bin/python3
"""Write tests/data/rfc7208-long.yml: long SPF records, in the format of the RFC 7208 suite.

    long_spf.py > tests/data/rfc7208-long.yml

The lengths are those at which libspf2 cuts records in silence or refuses them, one below and one beyond
each: 511 octets of compiled terms, 507 of a domain-spec, 255 of a literal, 128 parts of a macro.
"""

import json

OTHER = "203.0.113.77"
CLIENT, CLIENT6 = "192.0.2.1", "2001:db8::1"
LONG = "a-name-of-many-octets-which-is-as-long-as-a-label-may-be-00000"


class Scenario:
    def __init__(self, description):
        self.description, self.tests, self.zone = description, {}, {}

    def record(self, domain, *terms):
        text = terms[0] if len(terms) == 1 and terms[0].startswith("v=") else "v=spf1 " + " ".join(terms)
        self.zone.setdefault(domain, []).append({"TXT": text})
        return domain

    def add(self, domain, kind, value):
        self.zone.setdefault(domain, []).append({kind: value})

    def case(self, name, domain, result, host=CLIENT, local="user", helo="helo.example"):
        assert name not in self.tests
        self.tests[name] = {"spec": "3.4", "helo": helo, "host": host, "mailfrom": f"{local}@{domain}",
                            "result": result}

    def both(self, name, domain, yes="pass", no="fail", host=CLIENT, other=OTHER):
        self.case(name, domain, yes, host)
        self.case(f"{name}-other", domain, no, other)


def ip4(count):
    return [f"ip4:10.{i // 250}.{i % 250}.0/24" for i in range(count)]


def ip6(count):
    return [f"ip6:2001:db8:ff00:{i:x}::/64" for i in range(count)]


def networks():
    s = Scenario("Long records of ip4 and ip6")
    for count in (61, 62, 63, 64, 65, 127, 128, 200, 254, 255, 256):
        s.both(f"ip4-{count}", s.record(f"n{count}.example", *ip4(count), f"ip4:{CLIENT}", "-all"))
    for count in (23, 24, 25, 26, 27, 100):
        s.both(f"ip6-{count}", s.record(f"six{count}.example", *ip6(count), f"ip6:{CLIENT6}", "-all"),
               host=CLIENT6, other="2001:db8::2")
    s.case("ip4-softfail", s.record("soft.example", *ip4(100), "~all"), "softfail")
    s.case("ip4-neutral", s.record("neutral.example", *ip4(100), "?all"), "neutral")
    s.case("ip4-no-end", s.record("open.example", *ip4(100)), "neutral")
    s.case("ip4-negative", s.record("minus.example", *ip4(100), f"-ip4:{CLIENT}/32", "+all"), "fail")
    s.case("ip4-first-match", s.record("first.example", *ip4(70), "~ip4:192.0.2.0/25", "-ip4:192.0.2.0/24", "+all"),
           "softfail")
    s.case("ip4-odd-prefix", s.record("odd.example", *ip4(70), "ip4:192.0.3.255/23", "-all"), "pass")
    s.case("ip4-odd-prefix-no", s.record("odd2.example", *ip4(70), "ip4:192.0.2.2/31", "-all"), "fail")
    s.case("ip4-any", s.record("any.example", *ip4(70), "ip4:10.0.0.0/0", "-all"), "pass")
    s.case("ip6-odd-prefix", s.record("odd6.example", *ip6(40), "ip6:2001:db8:8000::/32", "-all"), "pass", CLIENT6)
    s.case("ip6-odd-prefix-no", s.record("odd7.example", *ip6(40), "ip6:2001:db8:8000::/33", "-all"), "fail", CLIENT6)
    s.case("ip6-mapped-client", s.record("mapped.example", *ip6(40), *ip4(40), f"ip4:{CLIENT}", "-all"), "pass",
           "::ffff:192.0.2.1")
    s.case("ip6-mapped-network", s.record("mapped6.example", *ip6(40), "ip6:::ffff:192.0.2.1", "-all"), "fail")
    s.both("mixed", s.record("mixed.example", *ip6(60), *ip4(60), f"ip4:{CLIENT}", "-all"))
    s.case("mixed-6", s.record("mixed6.example", *ip4(60), *ip6(60), f"ip6:{CLIENT6}", "-all"), "pass", CLIENT6)
    s.case("syntax-error-behind", s.record("broken.example", *ip4(100), "ip4:192.0.2.256", "-all"), "permerror")
    s.case("syntax-error-behind-match", s.record("broken2.example", f"ip4:{CLIENT}", *ip4(100), "a:"), "permerror")
    s.case("all-in-the-middle", s.record("middle.example", *ip4(40), "~all", *ip4(100), f"ip4:{CLIENT}"), "softfail")
    return s


def padded(octets, end="-all"):
    """A record of exactly so many octets."""
    text = "v=spf1"
    for network in ip4(4000):
        if len(text) + len(network) + len(end) + 40 > octets:
            break
        text += " " + network
    text += " x="
    return text + "y" * (octets - len(text) - len(end) - 1) + " " + end


def lengths():
    s = Scenario("Records of so many octets")
    for octets in (450, 511, 512, 513, 1024, 2048, 4095, 4096, 4097, 8192, 16383, 16384):
        text = padded(octets)
        assert len(text) == octets
        s.case(f"octets-{octets}", s.record(f"o{octets}.example", text), "fail")
    s.case("octets-16385", s.record("o16385.example", padded(16385)), "permerror")
    s.zone["strings.example"] = [{"TXT": list("v=spf1 " + " ".join(ip4(30)) + " -all")}]
    s.case("strings-of-one-octet", "strings.example", "fail")
    s.zone["records.example"] = ([{"TXT": f"other text {i}"} for i in range(150)] +
                                 [{"TXT": f"v=spf1 ip4:{CLIENT} -all"}] + [{"TXT": f"v=spf10 {i}"} for i in range(150)])
    s.both("among-many-records", "records.example")
    s.case("long-modifier", s.record("modifier.example", "unknown=" + "x" * 3000, f"ip4:{CLIENT}", "-all"), "pass")
    s.case("many-modifiers", s.record("modifiers.example", *[f"m{i}=v" for i in range(300)], "-all"), "fail")
    s.case("many-spaces", s.record("spaces.example", "v=spf1" + " " * 4000 + "-all"), "fail")
    return s


def chains():
    s = Scenario("Long records with includes, redirect and exp")
    s.record("yes.example", *ip4(80), f"ip4:{CLIENT}", "-all")
    s.record("no.example", *ip4(80), "-all")
    s.record("second.example", *ip4(80), "include:yes.example", "-all")
    s.both("redirect", s.record("redirect.example", *ip4(100), "redirect=yes.example"))
    s.both("redirect-first", s.record("redirect2.example", "redirect=yes.example", *ip4(100)))
    s.case("redirect-nowhere", s.record("redirect3.example", *ip4(100), "redirect=nowhere.example"), "permerror")
    s.case("redirect-and-all", s.record("redirect4.example", *ip4(100), "~all", "redirect=yes.example"), "softfail")
    s.both("exp", s.record("exp.example", "exp=e.example", *ip4(100), f"ip4:{CLIENT}", "-all"))
    s.case("exp-behind", s.record("exp2.example", *ip4(100), "-all", "exp=e.example"), "fail")
    s.case("exp-twice", s.record("exp3.example", *ip4(100), "exp=e.example", "-all", "exp=e.example"), "permerror")
    s.both("include", s.record("include.example", *ip4(100), "include:yes.example", "-all"))
    s.both("include-two-levels", s.record("levels.example", *ip4(64), "include:second.example", "-all"))
    s.case("include-minus", s.record("minus.example", *ip4(64), "-include:yes.example", "+all"), "fail")
    for count in range(6, 11):
        names = [f"{LONG}.{i}.deny.example" for i in range(count - 1)]
        for name in names:
            s.zone[name] = [{"TXT": "v=spf1 -all"}]
        s.both(f"includes-of-long-names-{count}",
               s.record(f"names{count}.example", *[f"include:{name}" for name in names],
                        "include:allow.example", "-all"))
    s.record("allow.example", f"ip4:{CLIENT}", "-all")
    s.case("includes-of-long-names-11",
           s.record("names11.example", *[f"include:{LONG}.{i % 9}.deny.example" for i in range(11)], "+all"),
           "permerror")
    s.case("includes-and-redirect-11",
           s.record("names12.example", *[f"include:{LONG}.{i % 9}.deny.example" for i in range(10)],
                    "redirect=allow.example"), "permerror")
    s.both("includes-and-redirect-10",
           s.record("names13.example", *[f"include:{LONG}.{i % 9}.deny.example" for i in range(9)],
                    "redirect=allow.example"))
    s.case("match-before-the-limit",
           s.record("early.example", "include:allow.example",
                    *[f"include:{LONG}.{i % 9}.deny.example" for i in range(30)], "-all"), "pass")
    s.case("terms-over-the-limit", s.record("over.example", *["a:helo.example"] * 400, "+all"), "permerror")
    s.case("ptr-over-the-limit", s.record("overptr.example", *["ptr:helo.example"] * 11, "+all"), "permerror")
    s.case("mixed-over-the-limit",
           s.record("overmixed.example", *["mx:helo.example", "a:helo.example", "a:helo.example/24"] * 4, "+all"),
           "permerror")
    s.add("helo.example", "A", "198.51.100.9")
    s.add("helo.example", "MX", [10, "helo.example"])
    s.add("*.helo.example", "A", "127.0.0.2")
    s.zone["9.100.51.198.in-addr.arpa"] = s.zone["1.2.0.192.in-addr.arpa"] = [{"PTR": "elsewhere.example"}]
    s.zone["elsewhere.example"] = [{"A": CLIENT}]
    s.case("void-behind", s.record("void.example", *ip4(70), *[f"a:{LONG}.{i}.void.example" for i in range(3)], "+all"),
           "permerror")
    return s


def addresses():
    s = Scenario("Long records of a, mx and ptr")
    for kind in ("a", "mx"):
        for count in (5, 6, 7, 8, 10):
            names = [f"{LONG}.{i}.{kind}.example" for i in range(count)]
            for i, name in enumerate(names):
                host = CLIENT if i == count - 1 else f"198.51.100.{i}"
                s.zone[f"{kind}{count}.{name}"] = ([{"A": host}] if kind == "a" else
                                                  [{"MX": [10, f"x{i}.{count}.hosts.example"]}])
                s.zone[f"x{i}.{count}.hosts.example"] = [{"A": host}]
            s.both(f"{kind}-of-long-names-{count}",
                   s.record(f"{kind}{count}.example", *[f"{kind}:{kind}{count}.{name}" for name in names], "-all"))
    s.record("current.example", *ip4(70), "a", "-all")
    s.add("current.example", "A", CLIENT)
    s.both("a-of-the-current-domain", "current.example")
    s.case("a-with-any-prefix", s.record("any.example", *ip4(70), "a:current.example/0", "-all"), "pass", OTHER)
    s.case("mx-with-prefix", s.record("mxprefix.example", *ip4(70), f"mx:mx5.{LONG}.4.mx.example/24", "-all"), "pass",
           "192.0.2.200")
    s.zone["1.2.0.192.in-addr.arpa"] = [{"PTR": "host.ptr.example"}]
    s.zone["host.ptr.example"] = [{"A": CLIENT}]
    s.both("ptr", s.record("ptr.example", *ip4(90), "ptr", "-all"))
    return s


def macros():
    s = Scenario("Long records with macros")

    def name(text):
        s.zone.setdefault(text, [{"A": "127.0.0.2"}])

    name(f"{CLIENT}.current.example")
    s.both("current-domain-behind", s.record("current.example", *ip4(70), "exists:%{i}.%{d}", "-all"))
    s.record("inner.example", *ip4(70), "exists:%{i}.%{d}.%{o}.%{l}", "-all")
    name(f"{CLIENT}.inner.example.outer.example.user")
    s.both("current-domain-of-an-include", s.record("outer.example", *ip4(70), "include:inner.example", "-all"))
    name(f"{CLIENT}.inner.example.outer2.example.user")
    s.both("current-domain-of-a-redirect", s.record("outer2.example", *ip4(70), "redirect=inner.example"))
    filler = [f"exists:{LONG}.{i}.%{{i}}.a-{LONG[:40]}.fill.example" for i in range(9)]
    for term in filler:
        s.zone[term[7:].replace("%{i}", OTHER)] = s.zone[term[7:].replace("%{i}", CLIENT)] = [{"TXT": "no address"}]
    name("user.late.example")
    s.case("void-terms-count", s.record("late.example", *filler, "exists:%{l}.%{d}", "-all"), "permerror")

    # domain-specs of so many octets: over 253 labels go on the left
    for octets in (200, 252, 253, 254, 255, 256, 257, 300, 506, 507, 508, 511, 512, 600, 2000, 3900):
        tail = ".".join(["l" * 49] * 80) + ".example"
        spec = tail[-octets:].lstrip(".")
        expanded = spec
        while len(expanded) > 253:
            expanded = expanded.split(".", 1)[1]
        name(expanded)
        s.case(f"literal-{octets}", s.record(f"lit{octets}.example", f"exists:{spec}", "-all"), "pass")
    for count in (60, 119, 120, 121, 124, 125, 126, 127, 128, 200, 900):
        spec = "%{v1}" * count + ".%{v}.macro.example"
        text = ("in-addr" * count)
        # one label of over 63 octets cannot be asked for; all of it goes when the name is over 253
        assert len(text) > 253
        s.case(f"macros-{count}", s.record(f"mac{count}.example", f"exists:{spec}", "-all"), "pass")
    name("in-addr.macro.example")
    for count in (20, 30, 31, 32, 33, 40, 60, 120):
        spec = "%{v}." * count + "mixed.example"
        expanded = ["in-addr"] * count + ["mixed", "example"]
        while len(".".join(expanded)) > 253:
            expanded.pop(0)
        name(".".join(expanded))
        s.case(f"macros-and-dots-{count}", s.record(f"mad{count}.example", f"exists:{spec}", "-all"), "pass")
    name("c.b.a.comma.example")
    s.case("comma", s.record("comma.example", "exists:%{lr,}.comma.example", "-all"), "pass", local="a,b,c")
    name("b.c.comma2.example")
    s.case("comma-right-hand-parts", s.record("comma2.example", "exists:%{l2,+}.comma2.example", "-all"), "pass",
           local="a+b,c")
    name("2.0.0.1.0.d.b.8." + "0." * 23 + "1.ip6.nibble.example")
    s.case("comma-and-client", s.record("comma3.example", "exists:%{i,.}.%{v}.nibble.example", "-all"), "pass", CLIENT6)
    name("a%2fb.slash.example".replace("%2f", "%2F"))
    s.case("comma-and-escape", s.record("comma4.example", "exists:%{L,}.slash.example", "-all"), "pass", local="a/b")
    for parts, result in (("127", "pass"), ("128", "pass"), ("129", "permerror"), ("300", "permerror"),
                          ("999", "permerror"), ("0128", "permerror"), ("3333333333", "permerror"),
                          ("99999999999999999999", "permerror")):
        domain = f"p{parts}.example"
        name(f"{domain}.parts.example")
        s.case(f"parts-{parts}", s.record(domain, f"exists:%{{d{parts}}}.parts.example", "-all"), result)
    for parts in range(1, 5):
        name(".".join(f"few{parts}.few.example".split(".")[-parts:]) + ".some.example")
        s.case(f"parts-of-three-{parts}", s.record(f"few{parts}.few.example", f"exists:%{{d{parts}}}.some.example", "-all"),
               "pass")
        name(".".join(f"few{parts}.turn.example".split(".")[::-1][-parts:]) + ".turned.example")
        s.case(f"reversed-parts-of-three-{parts}",
               s.record(f"few{parts}.turn.example", f"exists:%{{o{parts}r}}.turned.example", "-all"), "pass")
    for parts in range(1, 5):
        name(".".join("a-b.c-d".split("-")[-parts:]) + ".dashed.example")
        s.case(f"parts-by-dashes-{parts}", s.record(f"dash{parts}.example", f"exists:%{{l{parts}-}}.dashed.example", "-all"),
               "pass", local="a-b.c-d")
    name("b.a.capital.example")
    s.case("capital-reversal", s.record("capital.example", "exists:%{lR}.capital.example", "-all"), "pass", local="a.b")
    name("a.b.slashed.example")
    s.case("parts-by-slashes", s.record("slashed.example", "exists:%{l/}.slashed.example", "-all"), "pass", local="a/b")
    s.case("unaskable-local-part", s.record("unaskable.example", "exists:%{l1}.x.example", "~all"), "softfail",
           local="a..b.." + "c" * 64)
    s.zone["1.2.0.192.in-addr.arpa"] = [{"PTR": "mail.validated.example"}]
    s.zone["mail.validated.example"] = [{"A": CLIENT}]
    name("validated.example.user.name.example")
    s.both("validated-name-and-parts",
           s.record("validated.example", *ip4(70), "exists:%{p2}.%{l1,}.name.example", "-all"))
    helo = ".".join(["h" * 49] * 4) + ".host.helo.example"
    while len(f"{helo}.h.example") > 253:
        helo = helo.split(".", 1)[1]
    name(f"{helo}.h.example")
    long_helo = ".".join(["h" * 49] * 5) + ".host.helo.example"
    s.case("long-helo", s.record("longhelo.example", "exists:%{h}.h.example", "-all"), "pass", helo=long_helo)
    s.case("long-helo-comma", s.record("longhelo2.example", "exists:%{h,}.h.example", "-all"), "pass", helo=long_helo)
    local = "l" * 30 + "." + "m" * 33
    name(f"{local}.local.example")
    for count in (30, 31, 32, 33, 34):
        spec = "%{v}." * count + "inner.example"
        expanded = ["in-addr"] * count + ["inner", "example"]
        while len(".".join(expanded)) > 253:
            expanded.pop(0)
        s.zone[".".join(expanded)] = [{"TXT": "v=spf1 exists:%{d2}.%{i} -all"}]
        name(f"inner.example.{CLIENT}")
        s.both(f"include-of-macros-{count}", s.record(f"inc{count}.example", f"include:{spec}", "-all"))
    s.both("long-include-of-macros",
           s.record("incmac.example", "include:" + "%{v}." * 60 + "inc.example", "-all"))
    target = ["in-addr"] * 60 + ["inc", "example"]
    while len(".".join(target)) > 253:
        target.pop(0)
    s.record(".".join(target), f"ip4:{CLIENT}", "-all")
    s.both("long-redirect-of-macros", s.record("redmac.example", *ip4(70), "redirect=" + "%{v}." * 130 + "inc.example"))
    s.case("long-local-part", s.record("locals.example", "exists:%{l}.local.example", "-all"), "pass", local=local)
    s.case("term-that-cannot-be-taken", s.record("untaken.example", "exists:" + "%{p}" * 200 + ".x.example", "-all"),
           "permerror")
    s.case("match-before-such-a-term",
           s.record("untaken2.example", f"ip4:{CLIENT}", "exists:" + "%{p}" * 200 + ".x.example", "-all"), "pass")
    return s


def main():
    print("# Long SPF records, in the format of the RFC 7208 suite; written by tests/support/long_spf.py")
    for scenario in (networks(), lengths(), chains(), addresses(), macros()):
        print("---")
        print("description:", json.dumps(scenario.description))
        print("tests:")
        for name, case in scenario.tests.items():
            print(f"  {name}: {json.dumps(case)}")
        print("zonedata:")
        for name, entries in scenario.zone.items():
            print(f"  {json.dumps(name)}: {json.dumps(entries)}")


main()
