"""From fields: made by hand, and generated from what hides an author. bank.test is whom a spoofer names,
evil.test whom the spoofer is."""

import base64
import itertools
import random


def b_word(text, charset="utf-8"):
    return f"=?{charset}?B?{base64.b64encode(text.encode(charset)).decode()}?="


def q_word(text, charset="utf-8"):
    return f"=?{charset}?Q?" + "".join(
        c if c.isalnum() else "_" if c == " " else "".join(f"={o:02X}" for o in c.encode(charset)) for c in text) + "?="


CEO = "ceo@bank.test"

HAND_MADE = [
    # ordinary
    "ceo@bank.test", "<ceo@bank.test>", "CEO <ceo@bank.test>", '"CEO, Bank" <ceo@bank.test>', "ceo@bank.test (CEO)",
    "ceo@BANK.Test", "ceo@bank.test.", '"ceo x"@bank.test', '"ceo@evil.test"@bank.test', "ceo+x@bank.test",
    f"{q_word('Größe')} <ceo@bank.test>", "Board: a@bank.test, b@evil.test;", "a@bank.test, b@evil.test",
    # what stands beside an address
    '"joe@bank.test via list" <list@evil.test>', "joe@bank.test via list <list@evil.test>",
    '"joe@bank.test" <list@evil.test>', "<list@evil.test> (joe@bank.test)", "(joe@bank.test) <list@evil.test>",
    "(joe@bank.test) list@evil.test", f"{b_word(CEO)} <x@evil.test>", f"{q_word(CEO)} <x@evil.test>",
    "CEO, Boss <a@bank.test>", "ceo@bank.test <x@evil.test>", "<ceo@bank.test> <x@evil.test>",
    "<ceo@bank.test> x@evil.test", "x@evil.test <ceo@bank.test>", "ceo@bank.test x@evil.test",
    # no address of its own
    '"ceo@bank.test", <x@evil.test>', '"ceo@bank.test", x@evil.test', 'x@evil.test, "ceo@bank.test"',
    'CEO "ceo@bank.test", x@evil.test', '"CEO" "ceo@bank.test", x@evil.test', f"{b_word(CEO)}, x@evil.test",
    f"{q_word(CEO)}, x@evil.test", f'"{b_word(CEO)}", x@evil.test', f"({CEO}), x@evil.test", f"CEO ({CEO}), x@evil.test",
    'Board: "ceo@bank.test", x@evil.test;', '"ceo@bank.test": x@evil.test;', '"ceo@bank.test":;, x@evil.test',
    "ceo@bank.test: x@evil.test;", '"ceo@bank.test"; x@evil.test', "'ceo@bank.test', x@evil.test",
    "'ceo@bank.test' <x@evil.test>", '"<ceo@bank.test>", x@evil.test', '"CEO <ceo@bank.test>", x@evil.test',
    # nothing but text
    b_word(CEO), q_word(CEO), f'"{CEO}"', f"({CEO})", f"'{CEO}'", f"CEO {b_word(CEO)}", f"CEO <{b_word(CEO)}>",
    f"CEO <{q_word(CEO)}>", b_word("CEO <ceo@bank.test>"), q_word("CEO <ceo@bank.test>"), f'"CEO" "{CEO}"',
    f'"{CEO}" <>', f"<> {CEO}", f"<{CEO}", f"{CEO}>", f"<<{CEO}>>", f"<{CEO}> <>", f"CEO <{CEO}", f"CEO {CEO}>",
    # parts of an address
    "ceo@[bank.test]", "CEO <ceo@[bank.test]>", "ceo@[192.0.2.1]", "ceo@[IPv6:2001:db8::1]",
    "ceo@bank=?utf-8?B?LnRlc3Q=?=", "ceo@=?utf-8?Q?bank.test?=", "ceo=?utf-8?Q?=40?=bank.test",
    "=?utf-8?Q?ceo?=@bank.test", "=?utf-8?Q?ceo=40bank.test?=@evil.test", "ceo@bank.test=?utf-8?Q?=2C?= x@evil.test",
    "ceo@bank.test=?utf-8?Q?=3E?= <x@evil.test>", 'ceo@"bank.test"', 'ceo@bank."test"', 'ceo"@"bank.test',
    'ceo"@bank.test"', '"ceo"@"bank.test"', "ceo\\@bank.test", "ceo@bank\\.test", "ceo@bank(c).test", "ceo@(c)bank.test",
    "ceo(c)@bank.test", "ceo @ bank . test", "ceo@bank .test", "ceo@\n bank.test", "ceo\n @bank.test",
    "ceo@bank.\n test", "ceo@bank.test\n ", "(a(b)c)ceo@bank.test",
    "ceo@bank.test .evil.test", "CEO <ceo@bank.test .evil.test>", "ceo@bank.test. evil.test", "ceo@bank.test(c).evil.test",
    "CEO <ceo@bank.test(c).evil.test>", "ceo@bank.testé", "CEO <ceo@bank.testé>", "ceo@bank.test-", "CEO <ceo@bank.test->",
    "ceo@bank.test.☃", "ceo@bank.test☃.evil.test", "ceo@bank.test-.evil.test", "ceo@bank.test_", "ceo@bank.test.рф",
    "ceo@bank.test\n .evil.test", "CEO <ceo@bank.test.\n evil.test>", "ceo@bank.test .\n evil.test",
    "ceo@bank.test!.evil.test", "ceo@bank.test'.evil.test", "ceo@bank.test/.evil.test", "CEO <ceo@bank.test#.evil.test>", "ceo@ba nk.test", "ceo@ba<>nk.test", "ceo@ba< >nk.test", "CEO <ceo@ba nk.test>", "ceo@bank.te\n st",
    "ceo@bank.test?.evil.test", "ceo@bank.test=.evil.test", "ceo@bank.test%.evil.test", "ceo@bank.test|.evil.test",
    "ceo'@bank.test'.evil.test", "x@evil.test'ceo@bank.test'", "ceo@bank.test\u2024evil.test", "ceo@bank.test\u3002evil.test",
    "ceo@bank.test\uff0cx@evil.test", "ceo@bank.test\u00b7.evil.test", "ceo@bank.test\u3000.evil.test", "(ceo@evil.test ceo@bank.test",
    "ceo@bank.test)", "ceo@bank.test(x@evil.test)", "ceo@bank.test(", "ceo@bank.test\t\t,", ",ceo@bank.test",
    ",,ceo@bank.test,,", ";ceo@bank.test", "ceo@bank.test;", "ceo@bank.test; x@evil.test", "x@evil.test; ceo@bank.test",
    "<@evil.test:ceo@bank.test>", "<@evil.test,@a.test:ceo@bank.test>", "@evil.test:ceo@bank.test", "a:b:ceo@bank.test",
    "mailto:ceo@bank.test", "<mailto:ceo@bank.test>", "ceo@bank.test@evil.test", "ceo@evil.test@bank.test",
    "ceo@@bank.test", "ceo@.bank.test", "ceo@bank..test", "ceo.@bank.test", ".ceo@bank.test", "c..eo@bank.test",
    "@bank.test", "ceo@", "ceo", "", " ", "<>", "\"\" <>", ":;", "undisclosed-recipients:;",
    "ceo%bank.test@evil.test", "bank.test!ceo@evil.test", "ceo＠bank.test", "ceo@bank。test", "ceo@ｂａｎｋ.test",
    "ceo@bücher.test", "ceo@xn--bcher-kva.test", "ceo@☃.test", "ceo@-x-.test", "ceo@_x.test", f"ceo@{'a' * 64}.bank.test",
    f"ceo@{'abcdefgh.' * 40}bank.test", "ceo@bank.test\x00@evil.test", "ceo@bank.test\u200b", "\u200bceo@bank.test",
    "\u202eceo@bank.test", "ceo@bank.test\u00a0<x@evil.test>", "ceo\u00a0x@bank.test", "CEO\u3000<ceo@bank.test>",
    f"{b_word('ceo@')} {b_word('bank.test')}, x@evil.test", f"{b_word('ceo@')}{b_word('bank.test')}, x@evil.test",
    f"{q_word('ceo@')}\n {q_word('bank.test')}, x@evil.test", f"ceo{q_word('@bank.test')}, x@evil.test",
    f"{q_word(CEO, 'iso-8859-1')}, x@evil.test", f"{b_word(CEO, 'utf-16-be')}, x@evil.test",
    f"{b_word(CEO, 'utf-16')}, x@evil.test", f"{b_word('漢 ' + CEO, 'iso-2022-jp')}, x@evil.test",
    f"{b_word('漢 ' + CEO, 'shift_jis')}, x@evil.test", f"{b_word('漢 ' + CEO, 'big5')}, x@evil.test",
    f"{b_word(CEO, 'utf-7')}, x@evil.test", "=?utf-8*en?Q?ceo=40bank.test?=, x@evil.test",
    "=?x-none?B?Y2VvQGJhbmsudGVzdA==?=, x@evil.test", "=?utf-8?B?Y2VvQGJhbmsudGVzdA?=, x@evil.test",
    "=?utf-8?B?Y2Vv QGJhbmsudGVzdA==?=, x@evil.test", "=?utf-8?B?Y2V?= =?utf-8?B?vQGJhbmsudGVzdA==?=, x@evil.test",
    "=?utf-8?Q?ceo@bank.test?=, x@evil.test", "=?utf-8?Q?ceo=40bank.test, x@evil.test",
    "=?utf-8?X?ceo=40bank.test?=, x@evil.test", "=?utf-8?Q?ceo =40bank.test?=, x@evil.test",
    '"ceo\\@bank.test", x@evil.test', '"ceo@ba\\nk.test", x@evil.test', '"ceo@bank" .test, x@evil.test',
    '"ceo@bank"".test", x@evil.test', '"ceo"@bank.test x, y@evil.test', '"a" <ceo@bank.test>, "b" <x@evil.test>',
    '"a, b" <ceo@bank.test>', "a, b <ceo@bank.test>", '"unterminated <ceo@bank.test>', "CEO <ceo@bank.test> extra",
    "CEO <ceo@bank.test>, extra", "extra, CEO <ceo@bank.test>", "CEO <ceo @bank.test>", "CEO <ceo@bank.test >",
    "CEO < ceo@bank.test>", "CEO <ceo@bank.test><x@evil.test>", "CEO <<x@evil.test>ceo@bank.test>",
    "CEO <x@evil.test,ceo@bank.test>", "CEO <x@evil.test ceo@bank.test>", "\"CEO\\\" <ceo@bank.test>, \" <x@evil.test>",
]

HIDDEN = [
    '"{a}"', '"CEO {a}"', '"CEO <{a}>"', 'CEO "{a}"', '"CEO" "{a}"', "({a})", "CEO ({a})", "'{a}'", "{b}", "{q}", "CEO {b}",
    "{b} CEO", '"{q}"', "{b2}", "{q2}", '"{a}" (c)', '(c) "{a}"', "{qname}", "{bname}", '"{a}', '"{a}" <>', "{latin}",
]
FRAMES = [
    "{h}, x@evil.test", "{h}, <x@evil.test>", "{h}, X <x@evil.test>", "x@evil.test, {h}", "<x@evil.test>, {h}",
    "Board: {h}, x@evil.test;", "Board: x@evil.test, {h};", "{h},\n x@evil.test", ", {h}, x@evil.test", "{h}: x@evil.test;",
    "x@evil.test, {h}, y@evil.test", "{h}", "{h} <x@evil.test>", "{h}; x@evil.test", "<{h}>", "X <{h}>", "{h} x@evil.test",
]


def hidden(form):
    return (form.replace("{a}", CEO).replace("{b}", b_word(CEO)).replace("{q}", q_word(CEO))
            .replace("{b2}", f"{b_word('ceo@ba')} {b_word('nk.test')}")
            .replace("{q2}", f"{q_word('ceo')}\n {q_word('@bank.test')}")
            .replace("{qname}", q_word(f"CEO <{CEO}>")).replace("{bname}", b_word(f'"CEO" <{CEO}>'))
            .replace("{latin}", q_word(CEO, "iso-8859-15")))


PIECES = [CEO, "x@evil.test", "<", ">", '"', ",", ";", ":", " ", "\n ", "(", ")", "@", ".", "\\", "[", "]", "CEO", "bank.test",
          "evil.test", b_word(CEO), q_word(CEO), q_word("@"), q_word(","), "=?utf-8?Q?", "?=", "'", "\t", "é"]


def random_fields(count, seed=9989):
    source = random.Random(seed)
    return ["".join(source.choice(PIECES) for _ in range(source.randint(2, 12))) for _ in range(count)]


def all_fields():
    generated = [frame.replace("{h}", hidden(form)) for frame, form in itertools.product(FRAMES, HIDDEN)]
    return list(dict.fromkeys(HAND_MADE + generated + random_fields(1500)))
