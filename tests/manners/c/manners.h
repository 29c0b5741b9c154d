/* A small library of bad manners: it calls back on threads of its own, twice, never, late, from everywhere, or not at all.
 *
 * All of it does what C libraries do, and nothing that C forbids; what it does with a callback is in the manner that it is asked
 * for. Any thread may call any function.
 */
#ifndef MANNERS_H
#define MANNERS_H

#include <stddef.h>
#include <stdint.h>

/* How a request is answered. */
enum mn_manner {
    /* Once, on a thread of the library. */
    MN_ON_A_THREAD,
    /* Once, before the call that makes the request returns. */
    MN_INSIDE,
    /* Twice, by the same thread. */
    MN_TWICE,
    /* Twice, by two threads at the same time. */
    MN_TWICE_AT_ONCE,
    /* Never. The user data is released when the request ends, if there is a function for that. */
    MN_NEVER,
    /* Once, on a thread of the library, but not before mn_open. */
    MN_WHEN_OPENED,
    /* Once, by the destructor of a thread-specific value, while a thread of the library exits. */
    MN_WHILE_EXITING,
    /* The request is refused, and nothing is called. */
    MN_REFUSED,
    /* The request is refused, and the user data is released. */
    MN_REFUSED_AND_RELEASED
};

/* What a request is answered with: allocated by the library, and freed by who was given it. */
struct mn_result {
    int value;
    struct mn_request *request;
};

struct mn_request;

typedef void (*mn_callback)(void *user_data, int status, struct mn_result *result);
typedef void (*mn_release)(void *user_data);

/* Makes a request that is answered with `value`. Gives NULL if it is refused. With `release`, the user data is released when the
 * request ends, after all callbacks; never otherwise. */
struct mn_request *mn_start(enum mn_manner manner, int value, mn_callback callback, void *user_data, mn_release release);

/* Lets a request of MN_WHEN_OPENED be answered. */
void mn_open(struct mn_request *request);

/* Ends a request of MN_WHEN_OPENED that has not been opened: it is answered with ECANCELED and no result, inside of this
 * function. Says whether it has been. */
int mn_cancel(struct mn_request *request);

/* Waits for what the library does for a request, releases the user data, and frees the request. Gives how often it has called
 * back, and, through the pointer if there is one, how many of its results nobody has freed. */
int mn_end(struct mn_request *request, int *results_left);

void mn_result_free(struct mn_result *result);

/* Answers many requests by many threads at the same time: the callback is called once for each user data, with its number as
 * the value, from 0 on. Returns when all have been called. */
void mn_crowd(int threads, int count, mn_callback callback, void *const *user_data);

/* For a library that carries a number. */
typedef void (*mn_id_callback)(uint64_t id, int value);

/* As mn_crowd, with numbers for user data. */
void mn_id_crowd(int threads, int count, mn_id_callback callback, const uint64_t *ids);

/* Calls back with a number on a thread of the library, as many times as is said, and returns when it has. */
void mn_id_call(uint64_t id, int value, int times, mn_id_callback callback);

/* Calls back when the process exits. */
int mn_at_exit(mn_callback callback, void *user_data);

#endif
