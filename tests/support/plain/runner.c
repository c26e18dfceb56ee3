/* Runs the tests that plain/criterion/criterion.h has gathered, each in a process of its own. */
#include <criterion/criterion.h>

#include <sys/wait.h>
#include <unistd.h>

static struct plain_suite *suites;
static struct plain_test *tests;
static unsigned failures; /* in a test's process */

void plain_add_suite(struct plain_suite *suite)
{
        suite->next = suites;
        suites = suite;
}

void plain_add_test(struct plain_test *test)
{
        test->next = tests;
        tests = test;
}

void plain_check(bool good, bool fatal, const char *file, int line, const char *what)
{
        if (good)
                return;
        fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
        failures++;
        if (fatal)
                _exit(1);
}

static struct plain_options options_of(const struct plain_test *test)
{
        struct plain_options options = test->options;

        for (const struct plain_suite *suite = suites; suite != NULL; suite = suite->next) {
                if (strcmp(suite->name, test->suite) != 0)
                        continue;
                if (options.init == NULL)
                        options.init = suite->options.init;
                if (options.fini == NULL)
                        options.fini = suite->options.fini;
        }
        return options;
}

static void run(const struct plain_test *test)
{
        struct plain_options options = options_of(test);

        alarm(300);
        if (options.init != NULL)
                options.init();
        test->run();
        if (options.fini != NULL)
                options.fini();
        exit(failures == 0 ? 0 : 1);
}

int main(void)
{
        unsigned passed = 0, failed = 0;

        for (const struct plain_test *test = tests; test != NULL; test = test->next) {
                int status = -1;
                pid_t child = fork();

                if (child == 0)
                        run(test);
                if (child > 0 && waitpid(child, &status, 0) == child && status == 0) {
                        passed++;
                        continue;
                }
                fprintf(stderr, "FAIL %s::%s (status %d)\n", test->suite, test->name, status);
                failed++;
        }
        fprintf(stderr, "Synthesis: Tested: %u | Passing: %u | Failing: %u |\n", passed + failed,
                passed, failed);
        return failed == 0 ? 0 : 1;
}
