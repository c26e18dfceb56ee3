#include "policyd/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* libspf2 goes a few levels deep with buffers on the stack; the default of 8 MiB is for far more.
 */
#define STACK_SIZE ((size_t)1 << 20)

/* What has to wait for the DNS anyway comes after what the event loop can answer at once. */
#define NICENESS 5

typedef struct job_list {
        spf_job_t *first;
        spf_job_t **end; /* where the next one goes */
} job_list_t;

struct pool {
        pthread_mutex_t lock; /* guards all but the constants */
        pthread_cond_t work;
        job_list_t waiting;
        job_list_t done;
        size_t waiting_count;
        size_t running_count;
        size_t idle_count;
        size_t thread_count;
        bool stopping;
        pthread_t *threads;
        size_t threads_max;
        size_t queue_max;
        pool_notify_fn *notify;
        void *context;
};

static void list_init(job_list_t *list)
{
        list->first = NULL;
        list->end = &list->first;
}

static void list_add(job_list_t *list, spf_job_t *job)
{
        job->next = NULL;
        *list->end = job;
        list->end = &job->next;
}

static spf_job_t *list_take(job_list_t *list)
{
        spf_job_t *job = list->first;

        list->first = job->next;
        if (!list->first)
                list->end = &list->first;
        return job;
}

static spf_job_t *await_job(pool_t *pool)
{
        while (!pool->waiting.first && !pool->stopping) {
                pool->idle_count++;
                pthread_cond_wait(&pool->work, &pool->lock);
                pool->idle_count--;
        }
        if (!pool->waiting.first)
                return NULL;
        pool->waiting_count--;
        pool->running_count++;
        return list_take(&pool->waiting);
}

static void *work(void *argument)
{
        pool_t *pool = argument;
        worker_t worker = {0};
        spf_job_t *job;

        /* Linux: of this thread alone */
        setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
        pthread_mutex_lock(&pool->lock);
        while ((job = await_job(pool))) {
                pthread_mutex_unlock(&pool->lock);
                job_evaluate(&worker, job);
                pthread_mutex_lock(&pool->lock);
                pool->running_count--;
                list_add(&pool->done, job);
                pthread_mutex_unlock(&pool->lock);
                pool->notify(pool->context);
                pthread_mutex_lock(&pool->lock);
        }
        pthread_mutex_unlock(&pool->lock);
        worker_clear(&worker);
        return NULL;
}

/* Signals are for the event loop's thread. */
static bool start_thread(pool_t *pool)
{
        pthread_attr_t attributes;
        sigset_t all, old;
        int error;

        if (pthread_attr_init(&attributes) != 0)
                return false;
        pthread_attr_setstacksize(&attributes, STACK_SIZE);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        error = pthread_create(&pool->threads[pool->thread_count], &attributes, work, pool);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        pthread_attr_destroy(&attributes);
        if (error == 0)
                pool->thread_count++;
        return error == 0;
}

pool_t *pool_create(size_t threads_max, size_t queue_max, pool_notify_fn *notify, void *context)
{
        pool_t *pool = calloc(1, sizeof(*pool));

        if (!pool)
                return NULL;
        pool->threads = calloc(threads_max, sizeof(*pool->threads));
        if (!pool->threads) {
                free(pool);
                return NULL;
        }
        pthread_mutex_init(&pool->lock, NULL);
        pthread_cond_init(&pool->work, NULL);
        list_init(&pool->waiting);
        list_init(&pool->done);
        pool->threads_max = threads_max;
        pool->queue_max = queue_max;
        pool->notify = notify;
        pool->context = context;
        return pool;
}

void pool_free(pool_t *pool)
{
        if (!pool)
                return;
        pthread_mutex_lock(&pool->lock);
        pool->stopping = true;
        pthread_cond_broadcast(&pool->work);
        pthread_mutex_unlock(&pool->lock);
        for (size_t i = 0; i < pool->thread_count; i++)
                pthread_join(pool->threads[i], NULL);
        pthread_cond_destroy(&pool->work);
        pthread_mutex_destroy(&pool->lock);
        free(pool->threads);
        free(pool);
}

bool pool_submit(pool_t *pool, spf_job_t *job)
{
        bool taken = false;

        pthread_mutex_lock(&pool->lock);
        if (pool->waiting_count >= pool->idle_count && pool->thread_count < pool->threads_max)
                start_thread(pool);
        if (pool->thread_count > 0 && pool->waiting_count < pool->queue_max) {
                list_add(&pool->waiting, job);
                pool->waiting_count++;
                pthread_cond_signal(&pool->work);
                taken = true;
        }
        pthread_mutex_unlock(&pool->lock);
        return taken;
}

pool_load_t pool_load(pool_t *pool)
{
        pool_load_t load;

        pthread_mutex_lock(&pool->lock);
        load = (pool_load_t){.waiting = pool->waiting_count, .running = pool->running_count};
        pthread_mutex_unlock(&pool->lock);
        return load;
}

spf_job_t *pool_collect(pool_t *pool)
{
        spf_job_t *jobs;

        pthread_mutex_lock(&pool->lock);
        jobs = pool->done.first;
        list_init(&pool->done);
        pthread_mutex_unlock(&pool->lock);
        return jobs;
}
