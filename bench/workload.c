#include "bench/workload.h"

#include <stdio.h>
#include <string.h>

/* A session has another port than those before it, in this run and in others. */
static unsigned short port_of(unsigned long session, unsigned long instant)
{
        unsigned long mixed = (session + instant * 0x9E3779B97F4A7C15UL) * 0xD1342543DE82EF95UL;

        return (unsigned short)(1024 + (mixed >> 32) % 60000);
}

/* As Postfix's short ones: microseconds of the second, then a number that differs. */
static void make_queue_id(unsigned long instant, unsigned long i, char *text, size_t size)
{
        snprintf(text, size, "%05lX%lX", (instant * 7919 + i * 13) % 1000000,
                 (instant % 4096 << 20) + i);
}

void workload_message(const workload_t *workload, unsigned long i, message_t *message)
{
        unsigned domain = (unsigned)(i / workload->per_session % workload->domains);

        memset(message, 0, sizeof(*message));
        message->slow = workload->slow_every != 0 && domain % workload->slow_every == 0;
        snprintf(message->domain, sizeof(message->domain), "d%u.%s.test", domain,
                 message->slow ? "slow" : "bench");
        snprintf(message->helo, sizeof(message->helo), "mail.%s", message->domain);
        snprintf(message->sender, sizeof(message->sender), "user@%s", message->domain);
        snprintf(message->client, sizeof(message->client), "198.18.%u.%u", domain / 250 % 256,
                 domain % 250 + 1);
        message->port = port_of(i / workload->per_session, workload->instant);
        make_queue_id(workload->instant, i, message->queue_id, sizeof(message->queue_id));
        snprintf(message->instance, sizeof(message->instance), "%lx.%lx.%lx.0", i % 4096,
                 workload->instant, i);
}

static void add(header_t *headers, size_t *count, const char *name)
{
        headers[(*count)++].name = name;
}

size_t workload_headers(const workload_t *workload, const message_t *message,
                        header_t headers[HEADERS_MAX])
{
        static const char *const fixed[][2] = {
            {"To", "Recipient <recipient@example.test>"},
            {"Subject", "Your order 4711 of last Monday has been sent to you"},
            {"Date", "Tue, 24 Nov 2026 10:00:00 +0000"},
            {"MIME-Version", "1.0"},
            {"Content-Type", "multipart/alternative; boundary=\"----=_Part_4711\""},
            {"X-Mailer", "Example Mailer 1.0"},
        };
        const char *d = message->domain;
        size_t n = 0;
        char *body;

        body = headers[n].body;
        add(headers, &n, "Authentication-Results");
        snprintf(body, sizeof(headers->body),
                 "%s;\n\tdkim=pass (2048-bit key; unprotected) header.d=%s header.i=@%s "
                 "header.a=rsa-sha256 header.s=s1 header.b=qzVxPmJd",
                 workload->authserv, d, d);
        body = headers[n].body;
        add(headers, &n, "Received");
        snprintf(
            body, sizeof(headers->body),
            "from app7.%s (app7.%s [10.0.3.7])\n\tby mail.%s (Postfix) with ESMTPS id %s\n\tfor "
            "<recipient@example.test>; Tue, 24 Nov 2026 10:00:00 +0000 (UTC)",
            d, d, d, message->queue_id);
        body = headers[n].body;
        add(headers, &n, "DKIM-Signature");
        snprintf(
            body, sizeof(headers->body),
            "v=1; a=rsa-sha256; c=relaxed/relaxed; d=%s;\n\ts=s1; t=1795514400;\n\t"
            "bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=;\n\th=From:To:Subject:Date:From;\n\t"
            "b=%s%s%s%s",
            d, "dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZ\n\t ",
            "VoG4ZHRNiYzRdzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4z\n\t ",
            "GeeruD00lszZVoG4ZHRNiYzRdzdVyOfAKCdLXdJOc9G2q8LoXSlE\n\t ",
            "niSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzR=");
        body = headers[n].body;
        add(headers, &n, "From");
        snprintf(body, sizeof(headers->body), "\"Customer Service\" <service@%s>", d);
        body = headers[n].body;
        add(headers, &n, "Message-ID");
        snprintf(body, sizeof(headers->body), "<%s@app7.%s>", message->queue_id, d);
        body = headers[n].body;
        add(headers, &n, "List-Unsubscribe");
        snprintf(body, sizeof(headers->body), "<https://www.%s/unsubscribe?id=%s>", d,
                 message->queue_id);
        for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++) {
                snprintf(headers[n].body, sizeof(headers->body), "%s", fixed[i][1]);
                add(headers, &n, fixed[i][0]);
        }
        return n;
}
