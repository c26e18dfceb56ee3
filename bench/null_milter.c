/*
 * null_milter SOCKET [plain]: what any libmilter filter costs that takes the header fields and
 * inserts one. It asks for as little as the protocol allows (no replies to header fields, no events
 * or macros that it does not need); with "plain" it leaves all that to libmilter's defaults.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmilter/mfapi.h>

/* libmilter complains of a reply where none was agreed */
static sfsistat header_reply = SMFIS_NOREPLY;

/* libmilter's arguments are not const, though it changes nothing. */
static char *mutable(const char *text)
{
        return (char *)(uintptr_t)text;
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
                             unsigned long f3, unsigned long *pf0, unsigned long *pf1,
                             unsigned long *pf2, unsigned long *pf3)
{
        (void)f2;
        (void)f3;
        *pf0 = SMFIF_ADDHDRS | (f0 & SMFIF_SETSYMLIST);
        *pf1 = f1 & (SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NORCPT | SMFIP_NODATA |
                     SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NOUNKNOWN | SMFIP_NR_HDR);
        *pf2 = *pf3 = 0;
        for (int stage = SMFIM_FIRST; stage <= SMFIM_LAST; stage++)
                smfi_setsymlist(ctx, stage, mutable("{none}"));
        return SMFIS_CONTINUE;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *body)
{
        (void)ctx;
        (void)name;
        (void)body;
        return header_reply;
}

static sfsistat on_end_of_message(SMFICTX *ctx)
{
        return smfi_insheader(ctx, 0, mutable("Authentication-Results"),
                              mutable("mx.bench.test; none")) == MI_SUCCESS
                   ? SMFIS_ACCEPT
                   : SMFIS_TEMPFAIL;
}

int main(int argc, char **argv)
{
        struct smfiDesc filter = {
            .xxfi_name = mutable("null"),
            .xxfi_version = SMFI_VERSION,
            .xxfi_flags = SMFIF_ADDHDRS | SMFIF_SETSYMLIST,
            .xxfi_header = on_header,
            .xxfi_eom = on_end_of_message,
            .xxfi_negotiate = on_negotiate,
        };

        if (argc < 2) {
                fputs("usage: null_milter SOCKET [plain]\n", stderr);
                return 2;
        }
        if (argc > 2 && strcmp(argv[2], "plain") == 0) {
                filter.xxfi_negotiate = NULL;
                header_reply = SMFIS_CONTINUE;
                filter.xxfi_flags = SMFIF_ADDHDRS;
        }
        signal(SIGPIPE, SIG_IGN);
        if (smfi_setconn(argv[1]) != MI_SUCCESS || smfi_register(filter) != MI_SUCCESS)
                return EXIT_FAILURE;
        return smfi_main() == MI_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
