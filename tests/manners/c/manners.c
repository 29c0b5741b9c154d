#include "manners.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct mn_request {
    enum mn_manner manner;
    int value;
    mn_callback callback;
    void *user_data;
    mn_release release;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    int is_open;
    int is_cancelled;
    int called;
    int results;

    pthread_t threads[2];
    int thread_count;
};

static void must(int error) {
    if (error != 0) {
        abort();
    }
}

static void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

/* Calls back, with nothing locked. */
static void answer(struct mn_request *request, int status) {
    struct mn_result *result = NULL;
    must(pthread_mutex_lock(&request->lock));
    request->called++;
    if (status == 0) {
        request->results++;
    }
    must(pthread_mutex_unlock(&request->lock));
    if (status == 0) {
        result = allocate(sizeof *result);
        result->value = request->value;
        result->request = request;
    }
    request->callback(request->user_data, status, result);
}

static pthread_key_t exiting;
static pthread_once_t exiting_once = PTHREAD_ONCE_INIT;

static void answer_while_exiting(void *request) {
    answer(request, 0);
}

static void make_exiting(void) {
    must(pthread_key_create(&exiting, answer_while_exiting));
}

static void *on_thread(void *argument) {
    struct mn_request *request = argument;
    int is_cancelled = 0;
    switch (request->manner) {
    case MN_TWICE:
        answer(request, 0);
        break;
    case MN_WHILE_EXITING:
        must(pthread_once(&exiting_once, make_exiting));
        must(pthread_setspecific(exiting, request));
        return NULL;
    case MN_WHEN_OPENED:
        must(pthread_mutex_lock(&request->lock));
        while (!request->is_open && !request->is_cancelled) {
            must(pthread_cond_wait(&request->changed, &request->lock));
        }
        is_cancelled = request->is_cancelled;
        must(pthread_mutex_unlock(&request->lock));
        if (is_cancelled) {
            return NULL;
        }
        break;
    default:
        break;
    }
    answer(request, 0);
    return NULL;
}

static void start_thread(struct mn_request *request) {
    must(pthread_create(&request->threads[request->thread_count], NULL, on_thread, request));
    request->thread_count++;
}

struct mn_request *mn_start(enum mn_manner manner, int value, mn_callback callback, void *user_data, mn_release release) {
    struct mn_request *request;
    if (manner == MN_REFUSED) {
        return NULL;
    }
    if (manner == MN_REFUSED_AND_RELEASED) {
        release(user_data);
        return NULL;
    }
    request = allocate(sizeof *request);
    request->manner = manner;
    request->value = value;
    request->callback = callback;
    request->user_data = user_data;
    request->release = release;
    must(pthread_mutex_init(&request->lock, NULL));
    must(pthread_cond_init(&request->changed, NULL));
    switch (manner) {
    case MN_INSIDE:
        answer(request, 0);
        break;
    case MN_NEVER:
        break;
    case MN_TWICE_AT_ONCE:
        start_thread(request);
        start_thread(request);
        break;
    default:
        start_thread(request);
        break;
    }
    return request;
}

void mn_open(struct mn_request *request) {
    must(pthread_mutex_lock(&request->lock));
    request->is_open = 1;
    must(pthread_cond_broadcast(&request->changed));
    must(pthread_mutex_unlock(&request->lock));
}

int mn_cancel(struct mn_request *request) {
    int is_cancelled;
    must(pthread_mutex_lock(&request->lock));
    is_cancelled = request->manner == MN_WHEN_OPENED && !request->is_open && !request->is_cancelled;
    if (is_cancelled) {
        request->is_cancelled = 1;
        must(pthread_cond_broadcast(&request->changed));
    }
    must(pthread_mutex_unlock(&request->lock));
    if (is_cancelled) {
        answer(request, ECANCELED);
    }
    return is_cancelled;
}

int mn_end(struct mn_request *request, int *results_left) {
    int called;
    int i;
    for (i = 0; i < request->thread_count; i++) {
        must(pthread_join(request->threads[i], NULL));
    }
    if (request->release != NULL) {
        request->release(request->user_data);
    }
    called = request->called;
    if (results_left != NULL) {
        must(pthread_mutex_lock(&request->lock));
        *results_left = request->results;
        must(pthread_mutex_unlock(&request->lock));
    }
    must(pthread_cond_destroy(&request->changed));
    must(pthread_mutex_destroy(&request->lock));
    free(request);
    return called;
}

void mn_result_free(struct mn_result *result) {
    struct mn_request *request;
    if (result == NULL) {
        return;
    }
    request = result->request;
    if (request != NULL) {
        must(pthread_mutex_lock(&request->lock));
        request->results--;
        must(pthread_mutex_unlock(&request->lock));
    }
    free(result);
}

/* One thread of a crowd. */
struct member {
    int first;
    int step;
    int count;
    pthread_barrier_t *begin;
    mn_callback callback;
    void *const *user_data;
    mn_id_callback id_callback;
    const uint64_t *ids;
};

static void *in_crowd(void *argument) {
    const struct member *member = argument;
    int i;
    pthread_barrier_wait(member->begin);
    for (i = member->first; i < member->count; i += member->step) {
        if (member->callback != NULL) {
            struct mn_result *result = allocate(sizeof *result);
            result->value = i;
            member->callback(member->user_data[i], 0, result);
        } else {
            member->id_callback(member->ids[i], i);
        }
    }
    return NULL;
}

static void crowd(int threads, struct member member) {
    pthread_barrier_t begin;
    pthread_t *handles = allocate(sizeof *handles * (size_t)threads);
    struct member *members = allocate(sizeof *members * (size_t)threads);
    int i;
    must(pthread_barrier_init(&begin, NULL, (unsigned)threads));
    for (i = 0; i < threads; i++) {
        members[i] = member;
        members[i].first = i;
        members[i].step = threads;
        members[i].begin = &begin;
        must(pthread_create(&handles[i], NULL, in_crowd, &members[i]));
    }
    for (i = 0; i < threads; i++) {
        must(pthread_join(handles[i], NULL));
    }
    must(pthread_barrier_destroy(&begin));
    free(members);
    free(handles);
}

void mn_crowd(int threads, int count, mn_callback callback, void *const *user_data) {
    struct member member = {0};
    member.count = count;
    member.callback = callback;
    member.user_data = user_data;
    crowd(threads, member);
}

void mn_id_crowd(int threads, int count, mn_id_callback callback, const uint64_t *ids) {
    struct member member = {0};
    member.count = count;
    member.id_callback = callback;
    member.ids = ids;
    crowd(threads, member);
}

struct id_call {
    uint64_t id;
    int value;
    int times;
    mn_id_callback callback;
};

static void *call_with_id(void *argument) {
    const struct id_call *call = argument;
    int i;
    for (i = 0; i < call->times; i++) {
        call->callback(call->id, call->value);
    }
    return NULL;
}

void mn_id_call(uint64_t id, int value, int times, mn_id_callback callback) {
    struct id_call call = {id, value, times, callback};
    pthread_t thread;
    must(pthread_create(&thread, NULL, call_with_id, &call));
    must(pthread_join(thread, NULL));
}

static mn_callback last_callback;
static void *last_user_data;

static void call_last(void) {
    struct mn_result *result = allocate(sizeof *result);
    last_callback(last_user_data, 0, result);
}

int mn_at_exit(mn_callback callback, void *user_data) {
    last_callback = callback;
    last_user_data = user_data;
    return atexit(call_last);
}
