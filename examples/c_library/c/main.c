/* Uses fetchline in all the ways that its header allows.
 *
 *     main PORT SILENT_PORT CLOSED_PORT
 *
 * At the first port of this machine a server says a line, at the second one says nothing, and there is none at the third. */
#include <fetchline.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST "127.0.0.1"
#define MANY 100

static void fail(const char *what) {
    fprintf(stderr, "main.c: %s\n", what);
    exit(1);
}

static void check(int is_so, const char *what) {
    if (!is_so) {
        fail(what);
    }
}

/* What a callback leaves for whoever waits for it. */
struct answer {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int calls;
    int status;
    char text[FETCHLINE_LONGEST + 1];
    pthread_t thread;
    fetchline_loop *stops;
    fetchline_operation *operation;
};

static void answer_init(struct answer *answer) {
    memset(answer, 0, sizeof *answer);
    pthread_mutex_init(&answer->lock, NULL);
    pthread_cond_init(&answer->changed, NULL);
}

static void answered(void *user_data, int status, const fetchline_line *line) {
    struct answer *answer = user_data;
    pthread_mutex_lock(&answer->lock);
    answer->status = status;
    answer->thread = pthread_self();
    if (line != NULL) {
        check(strlen(line->text) == line->length, "a length");
        strcpy(answer->text, line->text);
    }
    answer->calls += 1;
    fetchline_loop *stops = answer->stops;
    fetchline_operation *operation = answer->operation;
    pthread_cond_signal(&answer->changed);
    pthread_mutex_unlock(&answer->lock);
    /* An operation may be cancelled and released inside of its callback. */
    fetchline_cancel(operation);
    fetchline_release(operation);
    if (stops != NULL) {
        fetchline_loop_stop(stops);
    }
}

static void wait_for(struct answer *answer) {
    pthread_mutex_lock(&answer->lock);
    while (answer->calls == 0) {
        pthread_cond_wait(&answer->changed, &answer->lock);
    }
    check(answer->calls == 1, "exactly one call");
    pthread_mutex_unlock(&answer->lock);
}

int main(int argc, char **argv) {
    check(argc == 4, "usage: main PORT SILENT_PORT CLOSED_PORT");
    const uint16_t port = (uint16_t)atoi(argv[1]);
    const uint16_t silent = (uint16_t)atoi(argv[2]);
    const uint16_t closed = (uint16_t)atoi(argv[3]);

    fetchline_loop *threads = fetchline_loop_new_threads(2);
    check(threads != NULL, "a loop with threads");

    /* One line, waited for on this thread. */
    struct answer one;
    answer_init(&one);
    fetchline_operation *operation = fetchline_start(threads, NULL, HOST, port, answered, &one);
    check(operation != NULL, "an operation");
    wait_for(&one);
    check(one.status == FETCHLINE_OK, "a line");
    check(!pthread_equal(one.thread, pthread_self()), "a callback on a thread of the loop");
    printf("one: %s\n", one.text);
    /* What is done can be cancelled, and nothing happens. */
    fetchline_cancel(operation);
    fetchline_cancel(operation);
    fetchline_release(operation);
    check(one.calls == 1, "no call after the end");

    /* Many at once, each released before it is done. */
    static struct answer many[MANY];
    for (int i = 0; i < MANY; i++) {
        answer_init(&many[i]);
        fetchline_release(fetchline_start(threads, NULL, HOST, port, answered, &many[i]));
    }
    for (int i = 0; i < MANY; i++) {
        wait_for(&many[i]);
        check(many[i].status == FETCHLINE_OK && strcmp(many[i].text, one.text) == 0, "each line");
    }
    printf("many: %d\n", MANY);

    /* Nobody listens there. */
    struct answer refused;
    answer_init(&refused);
    fetchline_release(fetchline_start(threads, NULL, HOST, closed, answered, &refused));
    wait_for(&refused);
    check(refused.status == FETCHLINE_REFUSED, "a refused connection");
    printf("refused\n");

    /* One that would last for ever is cancelled, twice. */
    struct answer cancelled;
    answer_init(&cancelled);
    operation = fetchline_start(threads, NULL, HOST, silent, answered, &cancelled);
    fetchline_cancel(operation);
    fetchline_cancel(operation);
    wait_for(&cancelled);
    check(cancelled.status == FETCHLINE_CANCELLED, "a cancelled operation");
    fetchline_release(operation);
    printf("cancelled\n");

    /* A loop that this thread drives, and which calls back here. */
    fetchline_loop *driven = fetchline_loop_new_driven();
    check(driven != NULL, "a loop to drive");
    struct answer here;
    answer_init(&here);
    here.stops = driven;
    here.operation = fetchline_start(driven, NULL, HOST, port, answered, &here);
    check(fetchline_loop_run(driven) == 0, "running the loop");
    wait_for(&here);
    check(here.status == FETCHLINE_OK, "a line on the loop that is driven");
    check(pthread_equal(here.thread, pthread_self()), "a callback on this thread");
    printf("driven: %s\n", here.text);

    /* Done by the threads of one loop, and told by the other. */
    struct answer chosen;
    answer_init(&chosen);
    chosen.stops = driven;
    fetchline_release(fetchline_start(threads, driven, HOST, port, answered, &chosen));
    check(fetchline_loop_run(driven) == 0, "running the loop again");
    wait_for(&chosen);
    check(chosen.status == FETCHLINE_OK, "a line from the other loop");
    check(pthread_equal(chosen.thread, pthread_self()), "a callback where it was asked for");
    printf("chosen: %s\n", chosen.text);

    /* Misuse is an error. */
    check(fetchline_loop_run(threads) == FETCHLINE_MISUSE, "a loop with threads is not driven");
    check(fetchline_start(threads, NULL, HOST, port, NULL, NULL) == NULL, "no callback");
    check(fetchline_start(threads, NULL, NULL, port, answered, NULL) == NULL, "no host");
    check(fetchline_start(NULL, NULL, HOST, port, answered, NULL) == NULL, "no loop");
    printf("misused\n");

    /* The end of a loop ends what runs on it. */
    struct answer ended;
    answer_init(&ended);
    operation = fetchline_start(threads, NULL, HOST, silent, answered, &ended);
    check(fetchline_loop_free(threads) == 0, "ending a loop");
    check(ended.calls == 1 && ended.status == FETCHLINE_SHUT_DOWN, "an operation whose loop has ended");
    fetchline_cancel(operation);
    fetchline_release(operation);
    check(fetchline_loop_free(driven) == 0, "ending the other loop");
    printf("ended\n");
    return 0;
}
