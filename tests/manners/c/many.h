/* The part of the library that calls back many times. As in manners.h, all of it does what C libraries do. */
#ifndef MANY_H
#define MANY_H

/* How a subscription behaves. */
enum mn_habit {
    /* All items come before the call that subscribes returns, or as many as are asked for. */
    MN_ITEMS_INSIDE,
    /* Items come on threads of the library, not before mn_emit, until each of these is told to stop. */
    MN_ITEMS_UNTIL_STOPPED,
    /* As before, but all items come, whatever the library is told. */
    MN_ITEMS_REGARDLESS
};

struct mn_subscription;

/* Allocated by the library, and freed by who was given it. */
struct mn_item {
    int value;
    struct mn_subscription *subscription;
};

/* Gives zero for more. */
typedef int (*mn_item_callback)(void *user_data, struct mn_item *item);
typedef void (*mn_item_release)(void *user_data);

/* Calls back with the values from 0 to `count`, on so many threads at the same time. The user data is released once, after the last
 * callback, by the thread that has made it. */
struct mn_subscription *mn_subscribe(enum mn_habit habit, int threads, int count, mn_item_callback callback, void *user_data,
                                     mn_item_release release);

/* Lets the threads of a subscription begin. */
void mn_emit(struct mn_subscription *subscription);

/* Waits for the threads of a subscription, which begin if they have not yet, and frees it. Gives how often it has called back, and
 * through the pointer how many of its items nobody has freed. */
int mn_unsubscribe(struct mn_subscription *subscription, int *items_left);

void mn_item_free(struct mn_item *item);

#endif
