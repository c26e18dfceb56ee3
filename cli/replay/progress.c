#include "cli/replay/progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_MAX 60

static int terminal_width(void)
{
        struct winsize size;

        return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void progress_begin(progress_t *progress)
{
        progress->shown = isatty(STDERR_FILENO) != 0;
}

void progress_show(const progress_t *progress, size_t done, size_t total)
{
        int room = terminal_width() - 40;
        int width = room > BAR_MAX ? BAR_MAX : room;
        int filled;

        if (!progress->shown || total == 0)
                return;
        fprintf(stderr, "\r\033[K%3zu %% ", done * 100 / total);
        filled = width > 0 ? (int)((double)width * (double)done / (double)total) : 0;
        if (width > 0) {
                fputc('[', stderr);
                for (int i = 0; i < width; i++)
                        fputc(i < filled ? '#' : '.', stderr);
                fputs("] ", stderr);
        }
        fprintf(stderr, "%zu of %zu", done, total);
        fflush(stderr);
}

void progress_end(const progress_t *progress)
{
        if (progress->shown)
                fputs("\r\033[K", stderr);
}
