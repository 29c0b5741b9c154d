/* fetchline: asks a server for a line of text.
 *
 * All functions may be called from any thread, callbacks included, except where it says otherwise. */
#ifndef FETCHLINE_H
#define FETCHLINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where operations make progress, and callbacks are called. */
typedef struct fetchline_loop fetchline_loop;

/* Starts a tokio runtime with so many threads of its own; none counts as one. NULL if the system refuses. */
fetchline_loop *fetchline_loop_new_threads(unsigned threads);

/* Makes a tokio runtime without threads of its own: nothing happens but in `fetchline_loop_run`. NULL if the system refuses. */
fetchline_loop *fetchline_loop_new_driven(void);

/* Runs a loop that was made to be driven, on this thread, until it is stopped. 0, or FETCHLINE_MISUSE: the loop has threads of its own, is
 * run already, or this thread runs a loop. */
int fetchline_loop_run(fetchline_loop *loop);

/* Makes `fetchline_loop_run` return: the one that runs, or else the next. */
void fetchline_loop_stop(fetchline_loop *loop);

/* Ends a loop. Operations that are under way call back with FETCHLINE_SHUT_DOWN before this returns. 0, or FETCHLINE_MISUSE, if this is
 * called on a thread of a loop, as in most callbacks: nothing is freed then. Not while the loop is run. */
int fetchline_loop_free(fetchline_loop *loop);

enum {
    FETCHLINE_OK = 0,
    FETCHLINE_CANCELLED = 1,
    /* The loop has shut down. */
    FETCHLINE_SHUT_DOWN = 2,
    /* An error in this library. */
    FETCHLINE_PANICKED = 3,
    FETCHLINE_REFUSED = 4,
    /* The server has closed the connection before the end of the line, or that is too long. */
    FETCHLINE_NO_LINE = 5,
    /* Any other error of the system, or of looking the name up. */
    FETCHLINE_IO = 6,
    FETCHLINE_MISUSE = 7
};

#define FETCHLINE_LONGEST 255

typedef struct {
    /* Without the end of the line, and with a zero behind it. */
    char text[FETCHLINE_LONGEST + 1];
    size_t length;
    /* The server's address and port. */
    char peer[64];
} fetchline_line;

/* Called exactly once for each operation. `line` is NULL unless `status` is FETCHLINE_OK, and is good until the callback returns. */
typedef void (*fetchline_done)(void *user_data, int status, const fetchline_line *line);

/* An operation that was started. */
typedef struct fetchline_operation fetchline_operation;

/* Connects to a host, by name or address, and reads a line.
 *
 * The operation runs on `loop`, and `done` is called on a thread of `call_on`. If that is NULL, `done` is called where the operation ends: on
 * a thread of `loop`, or inside of `fetchline_cancel`. Where the loop has shut down, `done` may be called by any thread, also before this
 * returns.
 *
 * Gives NULL if an argument makes no sense, and never calls back then. */
fetchline_operation *fetchline_start(fetchline_loop *loop, fetchline_loop *call_on, const char *host, uint16_t port, fetchline_done done,
                                     void *user_data);

/* Ends an operation with FETCHLINE_CANCELLED, if it is not done. May be called again, and when it is done, until it is released. NULL is nothing. */
void fetchline_cancel(const fetchline_operation *operation);

/* Frees what the program has of an operation. Once, at any time, also before it is done, when it goes on, and inside of its callback. NULL is
 * nothing. */
void fetchline_release(fetchline_operation *operation);

#ifdef __cplusplus
}
#endif

#endif
