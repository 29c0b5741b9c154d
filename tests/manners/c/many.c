#include "many.h"

#include <pthread.h>
#include <stdlib.h>

struct mn_subscription {
    enum mn_habit habit;
    int thread_count;
    int count;
    mn_item_callback callback;
    void *user_data;
    mn_item_release release;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    int is_open;
    int begun;
    int running;
    int called;
    int items_left;

    pthread_t *threads;
};

static void must(int error) {
    if (error != 0) {
        abort();
    }
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

/* Calls back, with nothing locked, and gives what it was told. */
static int give(struct mn_subscription *subscription, int value) {
    struct mn_item *item = allocate(1, sizeof *item);
    item->value = value;
    item->subscription = subscription;
    must(pthread_mutex_lock(&subscription->lock));
    subscription->called++;
    subscription->items_left++;
    must(pthread_mutex_unlock(&subscription->lock));
    return subscription->callback(subscription->user_data, item);
}

/* Calls back with each value that is this thread's to give. The last thread releases the user data. */
static void run(struct mn_subscription *subscription, int first, int step) {
    int is_last;
    int value;
    for (value = first; value < subscription->count; value += step) {
        if (give(subscription, value) != 0 && subscription->habit != MN_ITEMS_REGARDLESS) {
            break;
        }
    }
    must(pthread_mutex_lock(&subscription->lock));
    subscription->running--;
    is_last = subscription->running == 0;
    must(pthread_mutex_unlock(&subscription->lock));
    if (is_last) {
        subscription->release(subscription->user_data);
    }
}

static void *on_thread(void *argument) {
    struct mn_subscription *subscription = argument;
    int first;
    must(pthread_mutex_lock(&subscription->lock));
    first = subscription->begun++;
    while (!subscription->is_open) {
        must(pthread_cond_wait(&subscription->changed, &subscription->lock));
    }
    must(pthread_mutex_unlock(&subscription->lock));
    run(subscription, first, subscription->thread_count);
    return NULL;
}

struct mn_subscription *mn_subscribe(enum mn_habit habit, int threads, int count, mn_item_callback callback, void *user_data,
                                     mn_item_release release) {
    struct mn_subscription *subscription = allocate(1, sizeof *subscription);
    int i;
    subscription->habit = habit;
    subscription->count = count;
    subscription->callback = callback;
    subscription->user_data = user_data;
    subscription->release = release;
    must(pthread_mutex_init(&subscription->lock, NULL));
    must(pthread_cond_init(&subscription->changed, NULL));
    if (habit == MN_ITEMS_INSIDE) {
        subscription->running = 1;
        run(subscription, 0, 1);
        return subscription;
    }
    subscription->thread_count = threads;
    subscription->running = threads;
    subscription->threads = allocate((size_t)threads, sizeof *subscription->threads);
    for (i = 0; i < threads; i++) {
        must(pthread_create(&subscription->threads[i], NULL, on_thread, subscription));
    }
    return subscription;
}

void mn_emit(struct mn_subscription *subscription) {
    must(pthread_mutex_lock(&subscription->lock));
    subscription->is_open = 1;
    must(pthread_cond_broadcast(&subscription->changed));
    must(pthread_mutex_unlock(&subscription->lock));
}

int mn_unsubscribe(struct mn_subscription *subscription, int *items_left) {
    int called;
    int i;
    mn_emit(subscription);
    for (i = 0; i < subscription->thread_count; i++) {
        must(pthread_join(subscription->threads[i], NULL));
    }
    must(pthread_mutex_lock(&subscription->lock));
    called = subscription->called;
    *items_left = subscription->items_left;
    must(pthread_mutex_unlock(&subscription->lock));
    must(pthread_cond_destroy(&subscription->changed));
    must(pthread_mutex_destroy(&subscription->lock));
    free(subscription->threads);
    free(subscription);
    return called;
}

void mn_item_free(struct mn_item *item) {
    struct mn_subscription *subscription = item->subscription;
    must(pthread_mutex_lock(&subscription->lock));
    subscription->items_left--;
    must(pthread_mutex_unlock(&subscription->lock));
    free(item);
}
