/* Which Authentication-Results fields are believed, and what is taken from them
 * (contract 5.2, 5.5, 5.6) */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/gather.h"

static const char *const trusted[] = {"mx.example.org", "dkim.example.org"};

static config_t config;
static setup_t setup;
static session_t session;
static const char *const author_domains[] = {"news.sender.example"};
static const from_author_t author = {.domains = author_domains, .domain_count = 1};

static void begin(void)
{
        config = (config_t){
            .authserv_id = "mx.example.org",
            .trusted_authserv_ids = {.items = trusted, .count = 2},
        };
        setup = (setup_t){.config = &config};
        session = (session_t){.helo = NULL};
        session.message.arena = arena_create(0);
        session.message.setup = &setup;
        session.message.sender = "user@sender.example";
}

static void end(void)
{
        free(session.helo);
        arena_free(session.message.arena);
}

static void field(const char *body)
{
        message_field(&session.message, "Authentication-Results", body);
}

static gathered_t gathered(void)
{
        gathered_t result;

        cr_assert_eq(gather(&session, "QUEUEID", &author, &result), 0);
        return result;
}

TestSuite(gather, .init = begin, .fini = end);

Test(gather, believes_only_trusted_ids_without_regard_to_case)
{
        gathered_t result;

        field("DKIM.Example.ORG; dkim=pass header.d=a.example");
        field("other.example; dkim=pass header.d=b.example");
        field("mx.example.org.evil.example; dkim=pass header.d=c.example");
        field("(mx.example.org) evil.example; dkim=pass header.d=d.example");
        result = gathered();
        cr_assert_eq(result.dkim_count, 1);
        cr_assert_eq(result.dkim[0].result, AUTH_PASS);
        cr_assert_str_eq(result.dkim[0].domain, "a.example");
        cr_assert_eq(result.remove_count, 0);
}

Test(gather, takes_every_signature_and_falls_back_to_i)
{
        gathered_t result;

        field("mx.example.org; dkim=fail header.d=A.example; dkim=pass header.i=@b.example;\n"
              "\tdkim=pass header.i=user@c.example header.d=d.example; dkim=none");
        field("mx.example.org; dkim=temperror header.d=e.example");
        result = gathered();
        cr_assert_eq(result.dkim_count, 4);
        cr_assert_eq(result.dkim[0].result, AUTH_FAIL);
        cr_assert_str_eq(result.dkim[0].domain, "a.example");
        cr_assert_str_eq(result.dkim[1].domain, "b.example");
        cr_assert_str_eq(result.dkim[2].domain, "d.example");
        cr_assert_eq(result.dkim[3].result, AUTH_TEMPERROR);
}

Test(gather, takes_no_domain_that_is_none)
{
        gathered_t result;

        field("mx.example.org; dkim=pass header.d=\"example.net(.example.com\";"
              " dkim=pass header.d=\"a b\"; dkim=pass header.d=..; dkim=pass");
        result = gathered();
        for (size_t i = 0; i < result.dkim_count; i++)
                cr_assert_null(result.dkim[i].domain);
}

Test(gather, marks_fields_that_forge_our_id_when_it_is_not_trusted)
{
        static const char *const other[] = {"dkim.example.org"};
        gathered_t result;

        config.trusted_authserv_ids.items = other;
        config.trusted_authserv_ids.count = 1;
        field("dkim.example.org; dkim=pass header.d=a.example");
        field("MX.example.org; dkim=pass header.d=bank.example");
        field("\"mx.example.org\" 2; dkim=pass header.d=bank.example");
        field("foreign.example; none");
        field("mx.example.org; dkim=pass header.d=bank.example; (unterminated");
        result = gathered();
        cr_assert_eq(result.dkim_count, 1);
        cr_assert_eq(result.remove_count, 3);
        cr_assert_eq(result.remove[0], 2);
        cr_assert_eq(result.remove[1], 3);
        cr_assert_eq(result.remove[2], 5);
}

Test(gather, takes_spf_of_this_sender_only)
{
        field("mx.example.org; spf=pass smtp.mailfrom=user@other.example");
        cr_assert_not(gathered().has_spf);
        field("mx.example.org; spf=pass smtp.helo=sender.example");
        cr_assert_not(gathered().has_spf, "HELO says nothing of MAIL FROM (CVE-2019-20790)");
        field("mx.example.org; spf=softfail smtp.mailfrom=Sender.Example");
        cr_assert(gathered().has_spf);
        cr_assert_eq(gathered().spf.result, AUTH_SOFTFAIL);
        cr_assert_str_eq(gathered().spf.domain, "sender.example");
}

Test(gather, takes_helo_for_the_null_sender_only_if_it_is_this_helo)
{
        session.message.sender = "";
        session.helo = strdup("MTA.example");
        field("mx.example.org; spf=pass smtp.mailfrom=mta.example");
        field("mx.example.org; spf=pass smtp.helo=other.example");
        cr_assert_not(gathered().has_spf);
        field("mx.example.org; spf=pass smtp.helo=mta.example");
        cr_assert(gathered().has_spf);
        cr_assert_str_eq(gathered().spf.domain, "mta.example");
}

Test(gather, leaves_spf_alone_when_told_to)
{
        config.milter.spf_ignore_results = true;
        field("mx.example.org; spf=pass smtp.mailfrom=sender.example");
        cr_assert_not(gathered().has_spf);
}

Test(gather, believes_nothing_of_a_malformed_field)
{
        field("mx.example.org; dkim=pass header.d=a.example; spf=pass (open");
        cr_assert_eq(gathered().dkim_count, 0);
        cr_assert_not(gathered().has_spf);
}

Test(gather, takes_arc_of_trusted_fields_only)
{
        gathered_t result;

        field("other.example; arc=pass arc.chain=a.example");
        result = gathered();
        cr_assert_not(result.arc.passed);
        cr_assert_null(result.arc.chain);
        field(
            "mx.example.org; dkim=none; arc=pass smtp.remote-ip=192.0.2.1 arc.chain=\"b.test:c\"");
        result = gathered();
        cr_assert(result.arc.passed && !result.arc.contradicted);
        cr_assert_str_eq(result.arc.chain, "b.test:c");
        field("dkim.example.org; arc=fail");
        cr_assert(gathered().arc.contradicted);
}

Test(gather, compares_a_trusted_id_as_ascii_and_in_no_other_way)
{
        gathered_t result;

        field("mx.example.org.; dkim=pass header.d=a.example");
        field("mx\xe3\x80\x82"
              "example.org; dkim=pass header.d=b.example");
        field("mx\xef\xbc\x8e"
              "example.org; dkim=pass header.d=c.example");
        field("\xef\xbd\x8d"
              "x.example.org; dkim=pass header.d=d.example");
        result = gathered();
        cr_expect_eq(result.dkim_count, 0);
        cr_expect_eq(result.remove_count, 4, "removed all the same");
}

Test(gather, takes_a_sender_in_angle_brackets)
{
        gathered_t result;

        field("mx.example.org; spf=pass smtp.mailfrom=<user@sender.example>");
        result = gathered();
        cr_assert(result.has_spf);
        cr_expect_str_eq(result.spf.domain, "sender.example");
}

Test(gather, takes_the_null_sender_as_postmaster_at_its_helo_name)
{
        gathered_t result;

        session.message.sender = "";
        session.helo = strdup("mail.sender.example");
        field("mx.example.org; spf=pass smtp.mailfrom=sender.example");
        field("mx.example.org; spf=pass smtp.mailfrom=user@mail.sender.example");
        field("mx.example.org; spf=pass smtp.mailfrom=postmaster@other.example");
        cr_expect_not(gathered().has_spf);
        field("mx.example.org; spf=pass smtp.mailfrom=<postmaster@mail.sender.example>");
        result = gathered();
        cr_assert(result.has_spf);
        cr_expect_str_eq(result.spf.domain, "mail.sender.example");
}

static void signed_by(const char *domain)
{
        char text[300];

        snprintf(text, sizeof(text), "v=1; a=rsa-sha256; d=%s; s=s; h=from; bh=y; b=x", domain);
        message_field(&session.message, "DKIM-Signature", text);
}

Test(gather, leaves_open_what_the_verifier_said_nothing_of)
{
        gathered_t result;

        for (int i = 0; i < 100; i++) {
                char other[32];

                snprintf(other, sizeof(other), "d%d.example", i);
                signed_by(other);
                signed_by("elsewhere.test");
        }
        signed_by("sender.example");
        signed_by("news.sender.example");
        field("other.example; dkim=pass header.d=sender.example");
        result = gathered();
        cr_expect_eq(result.dkim_count, 8);
        cr_expect_str_eq(result.dkim_missing, "news.sender.example");
        cr_expect_eq(result.dkim[0].result, AUTH_TEMPERROR);
        cr_expect_str_eq(result.dkim[1].domain, "sender.example");
        field("mx.example.org; dkim=temperror");
        result = gathered();
        cr_expect_str_eq(result.dkim_missing, "news.sender.example");
        field("mx.example.org; dkim=fail header.d=elsewhere.test");
        result = gathered();
        cr_expect_str_eq(result.dkim_missing, "news.sender.example", "of another signature alone");
}

/* Words that are not registered are none of our business, but the verifier has spoken. */
Test(gather, leaves_nothing_open_where_the_verifier_has_told)
{
        static const char *const told[] = {"dkim=fail header.d=elsewhere.test", "dkim=permerror",
                                           "dkim=neutral"};

        signed_by("sender.example");
        for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++) {
                char text[100];

                session.message.authres_count = 0;
                snprintf(text, sizeof(text), "mx.example.org; %s", told[i]);
                field(text);
                cr_expect_null(gathered().dkim_missing, "%s", told[i]);
        }
}

/* What OpenDKIM 2.11 makes of
 * i=x=3B=20dkim=3Dpass=20header.d=3Dsender.example=20header.y=3Dz@evil.test
 */
Test(gather, believes_nothing_when_a_signature_writes_results)
{
        gathered_t result;

        message_field(&session.message, "DKIM-Signature",
                      "v=1; a=rsa-sha256; d=evil.test; s=s; h=from; bh=y; b=x; "
                      "i=x=3B=20dkim=3Dpass=20header.d=3Dsender.example=20header.y=3Dz@evil.test");
        field("mx.example.org; dkim=pass header.d=evil.test header.i=x; dkim=pass "
              "header.d=sender.example header.y=z@evil.test header.a=rsa-sha256");
        result = gathered();
        cr_expect_eq(result.dkim_count, 0);
        cr_expect_eq(result.ignored, 1);
        cr_expect_eq(result.remove_count, 0);
}

Test(gather, believes_nothing_when_the_envelope_writes_results)
{
        session.message.sender = "x; dkim=pass header.d=sender.example header.y=z@evil.test";
        field("mx.example.org; spf=pass smtp.mailfrom=x; dkim=pass header.d=sender.example "
              "header.y=z@evil.test");
        cr_expect_eq(gathered().dkim_count, 0);
        session.message.sender = "";
        session.helo = strdup("x;dkim=pass");
        cr_expect_eq(gathered().dkim_count, 0);
        free(session.helo);
        session.helo = strdup("mail.sender.example");
        cr_expect_eq(gathered().dkim_count, 1, "the same field, nothing to be copied from");
}

Test(gather, takes_the_verifiers_word_that_there_is_no_signature)
{
        signed_by("sender.example");
        field("mx.example.org; dkim=none");
        cr_expect_null(gathered().dkim_missing);
}
