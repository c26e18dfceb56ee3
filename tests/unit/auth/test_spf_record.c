/* SPF records: the grammar to the letter, and what is handed on to libspf2 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auth/spf_record.h"

static char *rewrite(const char *text, size_t len, bool ipv6, const char **why)
{
        spf_subject_t subject = {
            .sender = "user.name@sender.test", .helo = "helo.test", .domain = "current.test"};

        address_parse(ipv6 ? "2001:db8::1" : "192.0.2.1", &subject.client);
        return spf_record_rewrite(text, len, &subject, why);
}

static void same(const char *text, bool ipv6, const char *expected)
{
        const char *why;
        char *written = rewrite(text, strlen(text), ipv6, &why);

        cr_expect_null(why, "%s", text);
        cr_assert_not_null(written, "%s", text);
        cr_expect_str_eq(written, expected, "%s -> %s", text, written);
        free(written);
}

static void refused(const char *text, size_t len)
{
        const char *why;
        char *written = rewrite(text, len, false, &why);

        cr_expect_null(written, "%s -> %s", text, written);
        cr_expect_not_null(why, "%s", text);
        free(written);
}

Test(spf_record, what_is_sound)
{
        same("v=spf1", false, "v=spf1");
        same("v=spf1  -all ", false, "v=spf1 -all");
        same("V=SPF1 A MX PTR ?ALL", false, "v=spf1 a:%{d} mx:%{d} ptr ?all");
        same("v=spf1 a:b.test/24//64", false, "v=spf1 a:b.test/24//64");
        same("v=spf1 a//64 mx/24", false, "v=spf1 a:%{d}//64 mx:%{d}/24");
        same("v=spf1 include:%{ir}.%{v}._spf.%{d} -all", false,
             "v=spf1 include:%{ir}.%{v}._spf.%{d} -all");
        same("v=spf1 exists:%{lr-}.x.test", false, "v=spf1 exists:%{lr-}.x.test");
}

Test(spf_record, order_and_modifiers)
{
        same("v=spf1 redirect=r.test a", false, "v=spf1 a:%{d} redirect=r.test");
        same("v=spf1 redirect=r.test ?all", false, "v=spf1 ?all");
        same("v=spf1 redirect=r.test ip4:192.0.2.1", false, "v=spf1 all");
        same("v=spf1 redirect=r.test ip4:192.0.2.2", false, "v=spf1 redirect=r.test");
        same("v=spf1 exp=e.test unknown=%{i} x-y_z.1=/ -all", false, "v=spf1 -all");
}

Test(spf_record, networks_are_decided)
{
        same("v=spf1 ip4:192.0.2.1 ip6:2001:db9::/32 -all", false, "v=spf1 all");
        same("v=spf1 ip4:192.0.2.1 ip6:2001:db9::/32 -all", true, "v=spf1 -all");
        same("v=spf1 ~ip4:192.0.2.0/31 a", false, "v=spf1 ~all");
        same("v=spf1 ip4:192.0.2.2/31 a", false, "v=spf1 a:%{d}");
        same("v=spf1 ip4:192.0.3.255/23", false, "v=spf1 all");
        same("v=spf1 ip6:2001:db8:8000::/32", true, "v=spf1 all");
        same("v=spf1 ip6:2001:db8:8000::/33 ip6:2001:db8::1", true, "v=spf1 all");
        same("v=spf1 ip6:::ffff:192.0.2.1", false, "v=spf1");
}

Test(spf_record, what_libspf2_has_no_room_for)
{
        char text[2048], *written;
        const char *why;

        snprintf(text, sizeof(text), "v=spf1 a:%0200d.test mx:%0200d.test ptr:%0200d.test -all", 0,
                 0, 0);
        written = rewrite(text, strlen(text), false, &why);
        cr_assert_not_null(written);
        cr_expect_not_null(strstr(written, ".test\nv=spf1 ptr:"), "%s", written);
        free(written);
        snprintf(text, sizeof(text), "v=spf1 exists:%0200d.%0200d.test -all", 1, 2);
        written = rewrite(text, strlen(text), false, &why);
        cr_assert_not_null(written);
        cr_expect_eq(strlen(written), strlen("v=spf1 exists: -all") + 200 + strlen(".test"));
        free(written);
        same("v=spf1 a a a a a a a a a a a +all", false,
             "v=spf1 a:%{d} a:%{d} a:%{d} a:%{d} a:%{d} a:%{d} a:%{d} a:%{d} a:%{d} a:%{d} "
             "exists:" SPF_BEYOND_NAME);
}

Test(spf_record, what_libspf2_would_expand_wrongly)
{
        same("v=spf1 exists:%{d2}.x.test", false, "v=spf1 exists:current.test.x.test");
        same("v=spf1 exists:%{l1r}.x.test", false, "v=spf1 exists:user.x.test");
        same("v=spf1 exists:%{lR}.%{pR}.x.test", false, "v=spf1 exists:name.user.%{pr.}.x.test");
        same("v=spf1 exists:%{l,}.%%.x.test", false, "v=spf1 exists:user.name.%%.x.test");
        same("v=spf1 exists:%{p2r,}.%{i1}.x.test", false, "v=spf1 exists:%{p2r=}.1.x.test");
        same("v=spf1 redirect=%{v1}.%{o1}", true, "v=spf1 redirect=ip6.test");
}

Test(spf_record, a_prefix_length_of_zero)
{
        same("v=spf1 ip4:0.0.0.0/0", false, "v=spf1 all");
        same("v=spf1 -ip6:::/0", true, "v=spf1 -all");
        same("v=spf1 ip4:0.0.0.0/0", true, "v=spf1");
        same("v=spf1 a/0", false, "v=spf1 a:%{d}" SPF_ANY_ADDRESS_SUFFIX);
        same("v=spf1 a/0", true, "v=spf1 a:%{d}");
        same("v=spf1 mx:b.test.//0", true, "v=spf1 mx:b.test" SPF_ANY_ADDRESS_SUFFIX);
        cr_expect_eq(spf_any_address_length("b.test" SPF_ANY_ADDRESS_SUFFIX), 6);
        cr_expect_eq(spf_any_address_length("b.test" SPF_ANY_ADDRESS_SUFFIX "."), 6);
        cr_expect_eq(spf_any_address_length("b.test"), 0);
        cr_expect_eq(spf_any_address_length(SPF_ANY_ADDRESS_SUFFIX), 0);
}

Test(spf_record, what_is_broken)
{
        static const char *const terms[] = {
            "a:",
            "mx:",
            "ptr:",
            "exists",
            "include",
            "include:",
            "all:x.test",
            "all/8",
            "redirect:x.t",
            "-redirect=x.test",
            "redirect=",
            "exp=",
            "a:museum",
            "a:museum.",
            "a:b.111",
            "a:b.-c",
            "a:b.c-",
            "a:b.test/33",
            "a:b.test//129",
            "a/032",
            "a/",
            "a//",
            "a/24/64",
            "ip4:1.2.3",
            "ip4:1.2.3.04",
            "ip4:1.2.3.4/",
            "ip4:1.2.3.4/33",
            "ip4:1.2.3.4//32",
            "ip4",
            "ip6:1::2::3",
            "ip6:::1/129",
            "ip6:::1//33",
            "ip4:::1",
            "exists:%",
            "exists:%(i).x.test",
            "exists:%{i",
            "exists:%{x}.t",
            "exists:%{c}.t",
            "exists:%{i0}.t",
            "exists:%{i129}.t",
            "exists:%{i0001}.t",
            "exists:%{d3333333333}.t",
            "exists:%{d00000000000000000000001}.t",
            "exists:%{d0",
            "exists:a b.test",
            "nonsense",
            "nonsense:x.test",
            "-",
            "=x",
            "x=%",
            "x=%{z}",
            "-x=y",
            "a:b.test:80",
            "1x=y",
            "moo=%{i0}",
        };

        for (size_t i = 0; i < sizeof(terms) / sizeof(*terms); i++) {
                char text[128];

                snprintf(text, sizeof(text), "v=spf1 +all %s", terms[i]);
                refused(text, strlen(text));
        }
        refused("v=spf1 redirect=a.test redirect=a.test", 38);
        refused("v=spf1 exp=a.test exp=a.test", 28);
        refused("v=spf1 a\0 -all", 14);
        refused("v=spf1 \xc3\xa9", 9);
        refused("v=spf1 a\t-all", 13);
}

Test(spf_record, very_long)
{
        char *text = malloc(SPF_RECORD_MAX + 2);

        memcpy(text, "v=spf1", 6);
        memset(text + 6, ' ', SPF_RECORD_MAX - 5);
        text[SPF_RECORD_MAX + 1] = '\0';
        refused(text, SPF_RECORD_MAX + 1);
        text[SPF_RECORD_MAX] = '\0';
        same(text, false, "v=spf1");
        free(text);
}

/* What the record's owner repeats and the sender makes long is expanded up to a bound. */
Test(spf_record, expansion_is_bounded)
{
        char text[8192] = "v=spf1 exists:", *written;
        const char *why;

        for (size_t i = 0; i < 1000; i++)
                strcat(text, "%{s1}");
        strcat(text, ".test -all");
        written = rewrite(text, strlen(text), false, &why);
        cr_assert_not_null(written);
        cr_expect_str_eq(written, "v=spf1 exists:" SPF_BEYOND_NAME);
        free(written);
}
