/* Files of the store that are overwritten, or replaced by something else, while it is used: the
 * writer makes them anew by itself, and nobody waits for ever. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/state/store.h"

#define NOW   1795500000
#define SEEDS 24

static char directory[64];
static store_config_t config;
static arena_t *arena;

static void setup(void)
{
        snprintf(directory, sizeof(directory), "/tmp/tf-damage-XXXXXX");
        cr_assert_not_null(mkdtemp(directory));
        config = (store_config_t){.directory = directory, .size_bytes = 4 << 20, .lifetime = 3600};
        arena = arena_create(0);
}

static void teardown(void)
{
        char command[128];

        snprintf(command, sizeof(command), "rm -rf %s", directory);
        cr_expect_eq(system(command), 0);
        arena_free(arena);
}

TestSuite(damage, .init = setup, .fini = teardown, .timeout = 60);

static void path_of(const char *name, char path[128])
{
        snprintf(path, 128, "%s/%s", directory, name);
}

/* What is written over a file: one octet, or noise from a seed. */
static void overwrite(const char *name, int octet, unsigned seed)
{
        char path[128];
        struct stat status;
        int fd;

        path_of(name, path);
        fd = open(path, O_RDWR);
        if (fd < 0 || fstat(fd, &status) != 0)
                _exit(1);
        for (off_t at = 0; at < status.st_size; at++) {
                unsigned char c = (unsigned char)(octet >= 0 ? octet : rand_r(&seed) >> 8);

                if (pwrite(fd, &c, 1, at) != 1)
                        _exit(1);
        }
        close(fd);
}

/* In another process: to close a descriptor of lock.mdb gives back its process's locks. */
static void overwrite_from_outside(const char *name, int octet, unsigned seed)
{
        int status;
        pid_t child = fork();

        cr_assert_geq(child, 0);
        if (child == 0) {
                overwrite(name, octet, seed);
                _exit(0);
        }
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int put(store_t *store, const char *id)
{
        entry_t entry = {.time = NOW,
                         .instance = "1.2.3",
                         .helo = "mail.test",
                         .sender = id,
                         .spf = AUTH_PASS,
                         .spf_domain = "test"};
        int error;

        address_parse("192.0.2.1", &entry.client);
        error = store_put(store, STORE_QUEUE_ID, id, &entry);
        return error != 0 ? error : store_commit(store);
}

static int get(store_t *store, const char *id)
{
        entry_t entry;

        return store_get(store, STORE_QUEUE_ID, id, NOW, arena, &entry);
}

static store_t *writer(void)
{
        store_t *store = NULL;

        cr_assert_eq(store_open_writer(&config, &store), 0);
        return store;
}

/* A writer that has entries, some of them expired. */
static store_t *used_writer(void)
{
        store_t *store = writer();
        char id[16];

        for (int i = 0; i < 200; i++) {
                snprintf(id, sizeof(id), "A%d", i);
                cr_assert_eq(put(store, id), 0);
        }
        cr_assert_eq(get(store, "A1"), 0);
        return store;
}

/* What policyd does in a second; whatever fails may fail once. */
static void expect_recovery(store_t *store, const char *what, int which)
{
        (void)what, (void)which; /* where the runner prints no texts */
        put(store, "B");
        store_expire(store, NOW, 500);
        cr_expect_eq(put(store, "C"), 0, "%s %d", what, which);
        cr_expect_eq(get(store, "C"), 0, "%s %d", what, which);
        cr_expect_geq(store_expire(store, NOW + 7200, 500), 0, "%s %d", what, which);
}

static void expect_recovery_from(const char *name, int octet, unsigned seed)
{
        store_t *store = used_writer();

        overwrite_from_outside(name, octet, seed);
        expect_recovery(store, name, octet >= 0 ? octet : (int)seed);
        store_close(store);
        store = writer();
        cr_expect_eq(put(store, "D"), 0);
        store_close(store);
}

Test(damage, lock_file_of_one_octet)
{
        static const int octets[] = {0, 1, 0x7f, 0x80, 0xa5, 0xff};

        for (size_t i = 0; i < sizeof(octets) / sizeof(*octets); i++)
                expect_recovery_from("lock.mdb", octets[i], 0);
}

Test(damage, lock_file_of_noise)
{
        for (unsigned seed = 0; seed < SEEDS; seed++)
                expect_recovery_from("lock.mdb", -1, seed);
}

Test(damage, data_file_of_one_octet)
{
        static const int octets[] = {0, 1, 0x7f, 0x80, 0xa5, 0xff};

        for (size_t i = 0; i < sizeof(octets) / sizeof(*octets); i++)
                expect_recovery_from("data.mdb", octets[i], 0);
}

Test(damage, data_file_of_noise)
{
        for (unsigned seed = 0; seed < SEEDS; seed++)
                expect_recovery_from("data.mdb", -1, seed);
}

/* A folder with something in it where a file was, before the start and while the store is used. */
static void put_folder(const char *name)
{
        char path[128], inside[160];
        int fd;

        path_of(name, path);
        unlink(path);
        cr_assert_eq(mkdir(path, 0700), 0);
        snprintf(inside, sizeof(inside), "%s/file", path);
        fd = open(inside, O_WRONLY | O_CREAT, 0600);
        cr_assert_geq(fd, 0);
        close(fd);
}

Test(damage, a_folder_in_the_place_of_a_file)
{
        static const char *const names[] = {"lock.mdb", "data.mdb"};

        for (int i = 0; i < 2; i++) {
                store_t *store = used_writer();

                put_folder(names[i]);
                expect_recovery(store, names[i], 0);
                store_close(store);
                put_folder(names[i]);
                store = writer();
                cr_expect_eq(put(store, "D"), 0, "%s", names[i]);
                store_close(store);
        }
}

/* The reader is another process. It never waits for what garbage in lock.mdb promises. */
static void read_while_it_is_damaged(int ready, int go)
{
        store_t *store = NULL;
        char octet = 0;
        int error;

        alarm(20);
        if (store_open_reader(&config, &store) != 0 || get(store, "A1") != 0 ||
            write(ready, "", 1) != 1 || read(go, &octet, 1) != 1)
                _exit(1);
        error = get(store, "A1");
        _exit(error == 0 || error == -EIO || error == -ENOENT ? 0 : 2);
}

static void expect_reader_ends(int octet, unsigned seed)
{
        store_t *store = used_writer();
        int ready[2], go[2], status;
        char c;
        pid_t child;

        store_close(store);
        cr_assert(pipe(ready) == 0 && pipe(go) == 0);
        child = fork();
        cr_assert_geq(child, 0);
        if (child == 0)
                read_while_it_is_damaged(ready[1], go[0]);
        cr_assert_eq(read(ready[0], &c, 1), 1);
        overwrite("lock.mdb", octet, seed);
        cr_assert_eq(write(go[1], "", 1), 1);
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d %u: status %x", octet, seed,
                  (unsigned)status);
        for (int i = 0; i < 2; i++) {
                close(ready[i]);
                close(go[i]);
        }
}

Test(damage, a_reader_of_a_damaged_lock_file)
{
        static const int octets[] = {0, 1, 0x7f, 0x80, 0xa5, 0xff};

        for (size_t i = 0; i < sizeof(octets) / sizeof(*octets); i++)
                expect_reader_ends(octets[i], 0);
        for (unsigned seed = 0; seed < SEEDS; seed++)
                expect_reader_ends(-1, seed);
}
