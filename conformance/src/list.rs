/// Makes a module with a test for each case of the list. See [the first page](crate).
///
/// The first argument names the module and the loop, the second makes a [`Subject`](crate::Subject): any
/// expression that can be called without arguments. With `shuts_down` as the third, it makes a
/// [`ShutsDown`](crate::ShutsDown).
#[macro_export]
macro_rules! conformance {
    ($name:ident, $make:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn __make() -> impl $crate::Subject {
                ($make)()
            }

            $crate::__every_loop! { $name }
        }
    };
    ($name:ident, $make:expr, shuts_down) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn __make() -> impl $crate::ShutsDown {
                ($make)()
            }

            $crate::__every_loop! { $name }
            $crate::__loops_that_shut_down! { $name }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __topic {
    ($name:ident, $topic:ident: $($case:ident)*) => {
        mod $topic {
            $(
                #[test]
                fn $case() {
                    let case = concat!(stringify!($topic), "::", stringify!($case));
                    $crate::__run(stringify!($name), case, super::__make, $crate::cases::$topic::$case);
                }
            )*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __every_loop {
    ($name:ident) => {
        $crate::__topic! {
            $name, tasks:
            a_task_gives_its_result
            a_task_gives_its_error
            a_task_without_a_result_type_gives_its_output
            a_task_runs_though_its_deferred_was_dropped
            a_task_is_not_polled_inside_of_spawn
            a_panic_fails_the_task_and_the_loop_goes_on
            a_panic_in_a_destructor_does_not_reach_the_loop
            a_task_that_has_ended_has_released_what_it_held
            a_task_spawns_another
            a_chain_of_tasks_spawns_one_by_one
            a_plain_thread_spawns
            many_plain_threads_spawn_at_once
            ten_thousand_tasks_are_joined
            callbacks_run_when_the_task_ends
            a_callback_spawns_and_the_chain_waits_for_it
            a_plain_thread_wakes_a_task
            a_task_is_polled_again_if_it_was_woken_while_it_was_polled
            a_task_that_only_yields_does_not_keep_others_from_running
        }
        $crate::__topic! {
            $name, cancel:
            a_task_that_waits_is_dropped_inside_of_cancel
            a_task_cancelled_before_its_first_poll_is_never_polled
            a_task_cancels_itself_while_it_is_polled
            a_result_after_a_cancellation_is_dropped_once
            a_task_is_cancelled_by_another_thread_while_it_is_polled
            a_cancelled_task_that_is_woken_is_not_polled
            a_task_that_has_ended_cannot_be_cancelled
            ten_thousand_tasks_are_cancelled_while_they_run
        }
        $crate::__topic! {
            $name, context:
            a_task_finds_its_reactor
            a_task_spawned_by_a_task_finds_the_same_reactor
            a_blocking_job_finds_its_reactor
            a_callback_finds_the_reactor_of_the_task_that_fired
            a_future_that_ends_finds_its_reactor_while_it_is_dropped
            a_future_that_is_cancelled_finds_its_reactor_while_it_is_dropped
            a_future_that_panics_finds_its_reactor_while_it_is_dropped
            a_task_leaves_no_reactor_behind
            a_guard_in_a_task_ends_with_it
            a_plain_thread_has_no_reactor
            guards_nest_and_restore
            a_guard_ends_when_its_scope_panics
            what_a_guard_makes_current_spawns
        }
        $crate::__topic! {
            $name, blocking:
            a_job_gives_its_result
            a_panic_fails_the_job_and_others_run
            a_job_runs_though_its_deferred_was_dropped
            a_job_runs_though_nobody_drives_the_loop
            a_job_that_waits_for_the_loop_does_not_hold_it_up
            many_jobs_run_at_once
            a_thousand_short_jobs_run
            a_job_and_a_plain_thread_start_others
            a_job_cancelled_while_it_runs_ends_and_its_result_is_dropped
            a_job_cancelled_at_once_runs_not_at_all_or_to_its_end
        }
        $crate::__topic! {
            $name, calls:
            a_call_is_made_and_not_inside_of_call_soon
            calls_are_made_in_the_order_in_which_they_were_posted
            calls_never_overlap
            each_threads_calls_keep_their_order
            what_a_call_posts_is_made_in_the_next_round
            a_chain_of_calls_goes_on_for_long
            calls_that_never_end_let_other_tasks_run
            a_panic_does_not_keep_the_next_call_from_being_made
            a_call_finds_its_reactor
            calls_are_made_though_all_handles_are_gone
            a_blocking_job_and_a_callback_of_a_deferred_post
            a_delayed_call_is_never_early
            delayed_calls_are_made_in_the_order_of_their_deadlines
            delayed_calls_of_one_deadline_are_made_in_the_order_of_their_making
            an_earlier_call_does_not_wait_for_a_later_one
            a_cancelled_call_is_not_made_and_is_dropped_at_once
            a_call_that_was_made_cannot_be_changed
            a_call_is_cancelled_by_another_of_the_same_time
            a_call_is_put_off_by_another_of_the_same_time
            a_call_is_reset_to_earlier_and_to_later
            a_call_that_is_put_off_again_and_again_is_made_once_at_last
            a_delayed_call_makes_another
            ten_thousand_delayed_calls_are_made
            the_metrics_count_what_waits_and_what_was_called
        }
        $crate::__topic! {
            $name, callbacks_many:
            a_push_of_a_plain_thread_wakes_a_task
            a_task_takes_while_a_plain_thread_pushes
            many_threads_push_at_once
            many_streams_have_their_own_tasks
            a_task_pushes_and_another_takes
            a_call_of_the_loop_pushes
            a_task_that_would_wait_for_room_is_told
            a_blocking_job_waits_for_room
            a_task_that_has_enough_stops_the_callback
            a_task_that_is_cancelled_stops_the_callback
            a_thread_that_waits_for_room_is_told_that_the_task_was_cancelled
            an_item_that_is_given_up_is_not_lost
            what_overflows_tells_the_task_how_much_it_was_given
            a_plain_thread_takes_what_a_task_pushes
        }
        $crate::__topic! {
            $name, waiting:
            a_plain_thread_waits_for_a_task
            a_plain_thread_that_has_entered_the_reactor_waits
            many_threads_wait_at_once
            a_failure_ends_a_wait
            a_cancellation_ends_a_wait
            a_wait_in_a_task_is_an_error
            a_wait_in_a_callback_of_a_task_is_an_error
            a_guard_in_a_task_does_not_let_it_wait
            a_result_that_is_there_is_given_to_a_task_that_waits
            a_deferred_that_could_not_be_waited_for_is_awaited
            a_blocking_job_waits_for_a_task
            a_wait_that_was_given_up_is_made_again
            a_deferred_is_awaited_after_a_wait_was_given_up
            a_limit_that_no_clock_can_hold_is_none
            a_task_defers_work_to_a_thread
            work_without_a_reactor_is_not_deferred_to_a_thread
            a_task_does_not_run_a_loop
            a_blocking_job_runs_a_loop
        }
        $crate::__topic! {
            $name, time:
            the_clock_does_not_go_back
            a_sleep_is_never_early
            a_thousand_sleeps_at_once_are_never_early
            a_sleep_of_no_time_ends
            a_sleep_until_the_past_ends
            an_elapsed_sleep_stays_ready
            the_earlier_of_two_sleeps_is_first
            a_sleep_reset_to_earlier_wakes_its_task_then
            a_sleep_reset_to_now_wakes_its_task
            a_sleep_reset_to_later_is_not_early
            a_sleep_reset_after_it_elapsed_waits_again
            a_sleep_that_is_reset_all_the_time_ends_at_last
            a_sleep_wakes_the_task_that_polled_it_last
            sleeps_are_dropped_before_they_elapse
            a_plain_thread_sleeps
            huge_durations_are_waited_for
            a_timeout_gives_the_result_that_comes_in_time
            a_timeout_gives_a_result_that_is_there_though_the_time_is_up
            a_timeout_fails_when_the_time_is_up
            a_timeout_drops_its_future_once
            a_timeout_gives_its_future_back
        }
        $crate::__topic! {
            $name, interval:
            the_first_tick_is_at_once
            ticks_are_whole_periods_after_the_start_and_never_early
            skip_leaves_missed_ticks_out
            burst_makes_up_for_missed_ticks
            delay_begins_again
            a_tick_is_not_lost_when_its_future_is_dropped
            a_period_of_zero_does_not_hang
            an_interval_is_a_stream
            a_plain_thread_takes_ticks
        }
        $crate::__topic! {
            $name, tcp:
            bytes_arrive_in_both_directions
            both_ends_know_their_addresses
            ipv6_connects
            nodelay_is_set_and_read
            a_connection_of_std_is_taken_over
            a_connection_to_nobody_is_refused
            a_taken_port_is_refused
            a_port_can_be_taken_again_at_once
            two_tasks_accept_on_one_listener
            an_accept_that_is_given_up_loses_no_connection
            many_connections_are_made_at_once
            closing_ends_one_direction
            closing_wakes_the_reader_at_the_other_end
            a_reset_is_an_error_and_wakes_the_reader
            writing_to_a_closed_end_fails
            several_buffers_are_moved_at_once
            moving_nothing_does_not_wait
            a_plain_thread_connects_and_reads
        }
        $crate::__topic! {
            $name, connect:
            a_name_is_looked_up
            an_address_is_not_looked_up
            a_name_that_cannot_be_looked_up_is_an_error
            a_look_up_is_cancelled
            a_name_is_connected_to
            an_address_that_refuses_makes_way_for_the_next
            an_address_that_does_not_answer_does_not_hold_others_up
            the_attempts_that_lose_are_closed
            every_address_that_failed_is_named
            addresses_that_do_not_answer_in_time_are_named
            no_address_is_an_error
            an_attempt_is_given_up
            a_plain_thread_connects_by_name
        }
        $crate::__topic! {
            $name, accept:
            incoming_connections_are_a_stream
            a_stream_of_connections_owns_its_listener
            two_streams_of_connections_share_a_listener
            a_next_connection_that_is_given_up_is_not_lost
            connections_that_were_reset_do_not_end_the_stream
            a_listener_that_fails_ends_its_stream
            a_socket_listens_with_its_options
            a_socket_connects_from_the_address_it_took
            two_listeners_share_a_port
            a_socket_for_ipv6_has_its_options
            a_listener_of_std_is_taken_over_and_given_back
            a_connection_outlives_its_listener
        }
        $crate::__topic! {
            $name, halves:
            borrowed_halves_are_used_at_once
            dropping_borrowed_halves_ends_nothing
            owned_halves_go_to_tasks_of_their_own
            dropping_the_half_that_writes_ends_its_direction
            dropping_the_half_that_reads_ends_nothing
            forgetting_the_half_that_writes_ends_nothing
            dropping_both_halves_closes_the_connection
            halves_are_put_together_again
            halves_of_two_connections_are_not_put_together
            halves_move_several_buffers_at_once
        }
        $crate::__topic! {
            $name, hardship:
            a_reset_in_the_middle_of_a_write_fails_it
            a_reset_ends_what_waits_in_both_directions
            a_peer_that_never_reads_holds_nobody_else_up
            shutting_a_connection_down_ends_what_waits_on_it
            shutting_a_listener_down_ends_what_waits_on_it
            the_other_end_of_a_pipe_is_closed_under_what_waits
            a_number_that_is_used_again_wakes_who_waits_now
            connections_that_end_before_they_are_accepted_are_given_all_the_same
        }
        $crate::__topic! {
            $name, given_up_connections:
            an_attempt_to_connect_leaves_nothing
            an_attempt_by_name_leaves_nothing
            an_attempt_that_waits_in_vain_leaves_nothing
            an_attempt_that_waits_for_room_leaves_nothing
            a_look_up_leaves_others_alone
            an_accept_loses_no_connection
        }
        $crate::__topic! {
            $name, given_up_streams:
            reads_lose_and_repeat_no_bytes
            writes_lose_and_repeat_no_bytes
            a_write_of_all_has_written_its_beginning
            a_close_has_ended_the_direction_or_not_begun
            waits_for_readiness_take_nothing
            operations_on_a_descriptor_lose_and_repeat_no_bytes
        }
        $crate::__topic! {
            $name, given_up_datagrams:
            receives_lose_and_repeat_no_datagram
            sends_have_sent_what_they_said
            sends_that_wait_for_room_have_sent_what_they_said
        }
        $crate::__topic! {
            $name, streams:
            peeking_takes_nothing
            readiness_to_read_is_waited_for
            a_reset_is_readiness_to_read_and_to_write
            readiness_to_write_is_waited_for
            trying_moves_several_buffers_at_once
            more_buffers_than_the_system_takes_are_moved
            options_are_set_and_read
            a_connection_is_given_to_std_and_back
            a_peer_that_never_reads_holds_up_the_writer_alone
            a_reset_in_the_middle_of_a_write_fails_it
            a_reset_ends_all_that_wait
            ending_the_reading_direction_wakes_the_reader
            writing_after_closing_fails
        }
        $crate::__topic! {
            $name, traffic:
            megabytes_move_in_both_directions_at_once
            one_task_reads_while_another_writes
            two_tasks_read_from_one_stream
            many_tasks_share_one_stream
            a_read_that_is_given_up_loses_no_bytes
            a_stream_moves_to_another_task
            short_reads_lose_no_wake_up
            small_writes_that_nobody_waits_for_are_all_read
            the_end_after_a_short_read_is_seen
        }
        $crate::__topic! {
            $name, source:
            a_registered_descriptor_does_not_block
            a_descriptor_is_closed_when_its_source_is_dropped
            a_descriptor_is_closed_once
            a_number_is_registered_again_and_again
            a_regular_file_is_refused
            a_source_is_taken_apart
            an_error_of_the_operation_is_passed_on
            the_end_wakes_the_reader
            the_end_wakes_the_writer
            two_tasks_wait_to_read
            two_tasks_wait_to_write
            one_task_waits_to_read_and_another_to_write
            a_task_that_gives_up_does_not_take_the_others_wake_up
            each_of_many_descriptors_wakes_its_own_task
            a_plain_thread_registers_and_waits
        }
        $crate::__topic! {
            $name, udp:
            datagrams_arrive_in_both_directions
            a_receive_waits_for_a_datagram
            an_empty_datagram_is_no_end
            a_datagram_longer_than_the_buffer_is_cut_off
            a_datagram_that_is_too_long_is_refused
            peeking_leaves_the_datagram
            trying_does_not_wait
            readiness_is_told_as_it_is
            a_connected_socket_receives_from_its_peer_only
            a_refused_datagram_is_told_and_the_socket_goes_on
            two_tasks_receive_on_one_socket
            many_tasks_share_one_socket
            a_receive_that_is_given_up_loses_no_datagram
            a_plain_thread_receives
        }
        $crate::__topic! {
            $name, udp_options:
            a_connected_socket_knows_its_peer
            ipv6_datagrams_arrive
            a_taken_port_is_refused_and_is_free_when_its_socket_is_dropped
            a_socket_of_std_is_taken_over_and_given_back
            options_are_set_and_read
            broadcast_has_to_be_allowed
            a_group_is_joined_and_left
        }
        $crate::__topic! {
            $name, unix:
            bytes_arrive_in_both_directions
            both_ends_know_their_addresses
            an_abstract_name_needs_no_file
            a_path_that_is_taken_is_refused
            a_connection_to_nobody_fails
            a_connection_waits_while_too_many_wait
            a_connection_that_waits_ends_with_its_listener
            two_tasks_accept_on_one_listener
            an_accept_that_is_given_up_loses_no_connection
            the_peer_is_known
            closing_ends_one_direction
            writing_to_a_closed_end_fails
        }
        $crate::__topic! {
            $name, unix_accept:
            incoming_connections_are_a_stream
            a_stream_of_connections_owns_its_listener
            two_streams_of_connections_share_a_listener
            a_next_connection_that_is_given_up_is_not_lost
            connections_that_have_ended_do_not_end_the_stream
            a_listener_that_fails_ends_its_stream
        }
        $crate::__topic! {
            $name, unix_traffic:
            several_buffers_are_moved_at_once
            more_buffers_than_the_system_takes_are_moved
            megabytes_move_in_both_directions_at_once
            two_tasks_read_from_one_stream
            a_read_that_is_given_up_loses_no_bytes
            a_writer_waits_for_room
            readiness_is_told_as_it_is
            a_stream_of_std_is_taken_over_and_given_back
            a_listener_of_std_is_taken_over_and_given_back
            a_plain_thread_connects_and_reads
        }
        $crate::__topic! {
            $name, unix_datagram:
            datagrams_arrive_in_both_directions
            sockets_know_their_addresses
            an_abstract_name_needs_no_file
            a_pair_is_connected
            sending_to_nobody_fails
            a_connected_sender_waits_for_its_receiver
            a_sender_that_is_not_connected_waits_for_its_receiver
            a_full_receiver_does_not_keep_others_from_receiving
            two_tasks_receive_on_one_socket
            a_receive_that_is_given_up_loses_no_datagram
            shutting_down_ends_a_receive
            a_socket_of_std_is_taken_over_and_given_back
            a_plain_thread_receives
        }
        $crate::__topic! {
            $name, descriptor:
            bytes_go_through_a_pipe
            a_pipe_without_a_reader_is_an_error
            an_owned_descriptor_is_closed_when_it_is_dropped
            an_owned_descriptor_is_given_back
            a_borrowed_descriptor_is_not_closed
            what_is_closed_behind_its_back_is_waited_for_all_the_same
            one_descriptor_is_registered_twice
            what_cannot_be_waited_for_is_refused_and_says_why
            two_tasks_wait_in_one_direction
            a_read_that_is_given_up_loses_no_bytes
            readiness_is_told_as_it_is
        }
        $crate::__topic! {
            $name, descriptor_kinds:
            a_named_pipe_that_is_open_at_both_ends_waits
            a_terminal_is_read_and_written
            a_counter_of_events_is_waited_for
            a_change_of_a_directory_is_waited_for
            a_child_of_std_is_read
            what_waits_for_others_is_waited_for
            a_plain_thread_waits
        }
        $crate::__topic! {
            $name, tcp_edges:
            every_form_of_an_address_is_connected_to
            a_name_is_looked_up_and_listened_on
            an_address_of_another_machine_cannot_be_listened_on
            a_connection_to_no_address_in_particular_fails
            what_is_there_ends_a_read
            peers_of_std_are_talked_to
            closing_is_repeated_and_survives_a_reset
            a_limit_of_zero_is_up_at_once
            a_connection_in_its_time_limit_is_made
            an_echo_copies_from_one_half_to_the_other
            the_other_half_reads_on_when_the_writing_one_is_dropped
            who_waits_for_readiness_holds_no_buffer
            what_is_polled_does_what_is_awaited
        }
        $crate::__topic! {
            $name, tcp_handles:
            connections_that_write_in_reverse_order_are_all_served
            duplicates_read_and_write
            a_duplicate_is_made_while_a_task_reads
            duplicates_of_a_listener_accept
            ending_both_directions_ends_every_handle
            all_but_one_give_up_accepting
            who_waits_to_accept_is_not_polled_in_vain
        }
        $crate::__topic! {
            $name, tcp_options:
            a_new_socket_has_its_options
            options_are_taken_back
            routers_are_told_how_to_treat_packets
            acknowledging_at_once_is_set_and_read
            a_socket_keeps_to_a_device
            a_socket_made_elsewhere_is_taken_over
            an_address_of_the_other_version_is_refused
            a_socket_shows_its_addresses
            a_port_is_taken_once
        }
        $crate::__topic! {
            $name, attempts:
            a_stream_is_filled_and_emptied_without_waiting
            a_stream_is_filled_and_emptied_by_several_buffers
            peeking_without_waiting_takes_nothing
            readiness_tells_the_directions_apart
            either_direction_wakes_who_waits_for_both
            readiness_tells_that_the_peer_has_closed
            a_full_stream_is_writable_when_its_peer_is_gone
            readiness_for_nothing_is_refused
            an_operation_of_ones_own_waits
            a_read_ends_with_its_time_limit_and_loses_nothing
        }
        $crate::__topic! {
            $name, udp_edges:
            an_address_of_another_machine_cannot_be_taken
            a_socket_is_connected_to_itself
            what_is_polled_does_what_is_awaited
            the_sender_is_known_before_its_datagram_is_taken
            one_task_receives_and_another_sends
            a_plain_thread_sends_without_waiting
            duplicates_receive_and_send
            a_receive_ends_with_its_time_limit_and_loses_nothing
            routers_are_told_how_to_treat_datagrams
            a_socket_keeps_to_a_device
            an_ipv6_address_comes_back_as_it_was
            a_socket_shows_its_addresses
        }
        $crate::__topic! {
            $name, unix_edges:
            a_path_is_as_long_as_the_system_allows
            a_path_that_is_too_long_is_refused
            a_path_with_a_zero_is_no_abstract_name
            the_ends_of_a_pair_know_their_process
            a_client_with_a_path_of_its_own_is_known_by_it
            two_plain_threads_play_ping_pong
            duplicates_read_and_write
            an_abstract_name_is_connected_to_again_and_again
            what_is_polled_does_what_is_awaited
            a_descriptor_is_passed_beside_the_bytes
            a_socket_shows_its_path
        }
        $crate::__topic! {
            $name, unix_datagram_edges:
            a_datagram_is_answered_to_where_it_came_from
            a_datagram_socket_is_connected_to_another
            peeking_leaves_the_datagram
            a_datagram_socket_is_filled_and_emptied_without_waiting
        }
        $crate::__topic! {
            $name, descriptor_edges:
            a_new_descriptor_is_ready_as_it_is
            readiness_is_waited_for_again_when_it_was_used_up
            an_attempt_that_finds_nothing_leaves_readiness_as_it_is
            a_descriptor_is_registered_again_when_it_was_given_back
            all_who_wait_for_readiness_are_woken
            what_wakes_readers_leaves_writers_waiting
            urgent_data_is_waited_for_through_a_descriptor_that_waits_for_it
        }
        $crate::__topic! {
            $name, pipes:
            a_pipe_ends_when_its_writer_is_closed
            a_writer_whose_reader_is_gone_fails
            a_pipe_is_filled_and_emptied_without_waiting
            several_buffers_go_through_a_pipe
            two_tasks_read_from_one_pipe
            a_read_that_is_given_up_loses_no_bytes
            the_other_end_is_refused
            ends_made_elsewhere_are_taken_over_and_given_back
            an_end_is_given_to_a_child
            a_plain_thread_reads
            an_end_is_closed_once
        }
        $crate::__topic! {
            $name, named_pipes:
            a_named_pipe_waits_for_its_first_writer
            a_named_pipe_that_has_ended_is_written_to_again
            a_lasting_reader_sees_no_end
            a_named_pipe_without_a_reader_is_not_written_to
            what_is_no_pipe_is_refused
        }
        $crate::__topic! {
            $name, signal:
            a_signal_wakes_its_stream
            a_signal_wakes_a_task
            a_signal_that_nobody_waited_for_yet_is_kept
            a_thousand_signals_at_once_do_not_block
            every_stream_is_given_a_signal
            a_stream_tells_signals_apart
            a_frequent_signal_does_not_hide_another
            a_receive_that_is_given_up_loses_no_signal
            a_dropped_stream_does_not_take_the_others_signals
            signals_are_a_stream
            a_stream_of_no_signals_waits
            an_interrupt_is_waited_for
            signals_that_cannot_be_waited_for_are_refused
            a_plain_thread_waits_for_a_signal
        }
        $crate::__topic! {
            $name, datagram_protocols:
            datagrams_are_received_and_sent
            datagrams_within_the_machine_are_received_and_sent
            a_connected_pair_needs_no_addresses
            what_nobody_receives_is_said_and_the_socket_goes_on
            a_datagram_that_cannot_be_sent_is_said
            what_waits_for_a_slow_receiver_is_limited_and_sent_at_last
            a_panic_closes_its_own_socket
            a_group_is_joined_through_the_socket
            a_plain_thread_sends
        }
        $crate::__topic! {
            $name, process_protocols:
            output_is_received_and_the_end_comes_last
            what_is_written_arrives_and_closing_ends_the_input
            a_child_that_closes_its_input_is_noticed_by_writing
            a_child_is_sent_a_signal
            pipes_that_are_closed_from_here_are_told_of
            a_panic_is_told_to_the_last_method_and_nothing_else_is_lost
            a_child_whose_streams_are_not_piped_is_waited_for
        }
        $crate::__topic! {
            $name, endpoints:
            a_server_on_tcp_is_connected_to_by_name_and_by_address
            a_client_connects_from_an_address
            a_unix_server_has_its_path_as_long_as_it_listens
            a_client_gives_up_when_its_time_has_passed
            a_server_that_is_stopped_frees_its_port
            text_says_where_to_listen_and_connect
            a_client_is_tried_until_somebody_listens
            a_client_service_comes_back_until_it_is_stopped
            a_server_that_closes_each_connection_is_come_back_to
            sockets_are_adopted
            a_pair_of_descriptors_is_a_connection
            what_was_lent_is_in_blocking_mode_again
            connections_are_upgraded_side_by_side
        }
        $crate::__topic! {
            $name, protocols:
            methods_are_called_in_order
            both_ends_know_their_addresses
            a_connection_whose_other_end_is_half_closed_is_answered
            an_aborted_connection_ends_at_the_other_end
            a_reset_is_the_reason_of_the_loss
            a_slow_reader_pauses_the_writer
            a_protocol_that_pauses_reading_slows_the_other_end_down
            two_hundred_connections_are_served_and_one_that_panics_is_lost_alone
            a_port_that_is_stopped_accepts_no_more_and_leaves_connections_alone
            a_connection_becomes_a_stream_and_a_connection_again
            options_are_set_on_the_socket
            a_plain_thread_writes_and_closes
            a_peer_of_the_standard_library_is_served
        }
        $crate::__topic! {
            $name, process:
            what_a_child_writes_is_collected
            a_child_gets_its_arguments_environment_and_directory
            a_command_starts_again_and_again
            exit_codes_are_told
            death_by_a_signal_is_told
            a_child_is_killed
            a_child_is_sent_a_signal
            megabytes_go_through_a_child
            a_child_that_fills_both_pipes_does_not_block
            waiting_closes_the_input
            writing_to_a_child_that_has_ended_fails
            one_childs_output_is_anothers_input
            every_wait_gives_the_same_status
            a_wait_that_is_given_up_changes_nothing
            asking_for_the_status_does_not_wait
            a_callback_runs_when_a_child_ends
            a_program_that_cannot_be_started_is_an_error
            a_hundred_children_run_at_once
            a_child_dropped_before_its_end_runs_on_and_is_reaped
            a_child_is_reaped_though_nobody_asks
            a_child_is_killed_when_it_is_dropped_if_that_was_said
            a_child_is_killed_when_what_waits_for_it_is_dropped
            others_children_are_left_alone
            a_plain_thread_starts_a_child
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __loops_that_shut_down {
    ($name:ident) => {
        $crate::__topic! {
            $name, shutdown:
            tasks_that_wait_fail_and_are_dropped
            tasks_that_were_just_spawned_fail_and_are_dropped
            tasks_that_run_all_the_time_fail_and_are_dropped
            a_task_that_waits_for_another_fails_with_it
            a_task_that_was_cancelled_before_stays_cancelled
            results_from_before_are_kept
            a_future_finds_its_reactor_while_the_loop_drops_it
            what_is_spawned_by_a_destructor_meanwhile_fails
            what_a_plain_thread_spawns_meanwhile_fails
            tasks_spawned_afterwards_fail_and_are_dropped
            jobs_started_afterwards_fail_and_are_dropped
            a_job_that_runs_meanwhile_gives_its_result
            callbacks_run_that_were_attached_before
            a_sleep_made_before_ends
            a_sleep_polled_before_ends
            a_sleep_made_afterwards_fails
            a_sleep_is_reset_afterwards
            a_wait_of_a_plain_thread_ends
            a_sleep_that_a_plain_thread_waits_for_ends
            a_timeout_ends
            a_timeout_that_waits_ends
            an_interval_ticks_or_ends
            a_read_that_a_plain_thread_waits_for_ends
            what_waits_on_a_connection_ends
            a_connection_made_before_works_or_fails
            a_connection_is_dropped_with_the_task_that_has_it
            a_listener_made_before_works_or_fails
            a_stream_of_connections_made_before_works_or_ends
            connecting_by_name_fails_afterwards
            sockets_made_afterwards_fail
            a_descriptor_registered_afterwards_is_refused_and_closed
            deferreds_and_contexts_go_on
            calls_that_wait_are_dropped_and_not_made
            connections_of_protocols_are_lost
        }
        $crate::__topic! {
            $name, callbacks_stranded:
            a_push_is_told_that_the_task_is_gone
            a_thread_that_pushes_meanwhile_is_told
            a_thread_that_waits_for_room_is_told
            a_stream_that_the_loop_pushed_into_ends
        }
        $crate::__topic! {
            $name, stranded:
            tasks_that_receive_fail_and_close_their_sockets
            tasks_on_connections_fail_and_close_them
            a_receive_that_a_plain_thread_waits_for_ends
            a_connection_that_waits_for_room_ends
            what_is_made_afterwards_fails_and_is_closed
            descriptors_from_before_work_or_fail_and_are_given_back
        }
        $crate::__topic! {
            $name, stranded_edges:
            tasks_that_wait_on_pipes_fail_and_close_them
            readiness_that_plain_threads_wait_for_ends
            threads_that_begin_to_wait_meanwhile_end
            pipes_made_afterwards_are_refused_and_closed
            pipes_from_before_work_or_fail_and_are_given_back
        }
        $crate::__topic! {
            $name, orphans:
            a_child_is_not_started_afterwards
            a_wait_for_a_child_fails
            a_child_from_before_is_asked_and_killed
            a_status_from_before_is_kept
            a_child_dropped_before_is_reaped_at_the_next_use
            a_child_dropped_afterwards_is_reaped_at_the_next_use
            a_child_is_killed_with_the_task_that_has_it
            signals_from_before_arrive_or_end
            signals_are_not_waited_for_afterwards
        }
    };
}

/// Makes a module with a test for each case about running a function on a loop. See [the first page](crate).
///
/// The first argument names the module and the loop, the second makes a [`BlocksOn`](crate::BlocksOn): any expression
/// that can be called without arguments.
#[macro_export]
macro_rules! conformance_block_on {
    ($name:ident, $make:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn __make() -> impl $crate::BlocksOn + Clone + Send + 'static {
                ($make)()
            }

            $crate::__topic! {
                $name, block_on:
                a_function_gives_its_result
                a_function_borrows_and_need_not_be_sent
                the_reactor_is_current_inside_only
                the_loop_has_tasks_time_jobs_and_sockets
                a_wait_inside_is_an_error
                a_job_waits_for_a_task_of_the_loop
                a_thread_waits_for_the_function
                another_loop_inside_is_an_error
                another_loop_in_a_task_is_an_error
                another_loop_on_another_thread_runs
                a_guard_around_it_is_restored
                a_panic_comes_out_and_the_thread_is_free_again
                the_exit_code_is_the_functions
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The names that follow a word in a text.
    fn names_after<'a>(text: &'a str, word: &str) -> BTreeSet<&'a str> {
        let names = text.lines().filter_map(|line| line.strip_prefix(word));
        names
            .map(|rest| &rest[..rest.find('(').expect("a function's name")])
            .collect()
    }

    #[test]
    fn every_case_is_in_the_list() {
        let list = include_str!("list.rs");
        let topics = [
            ("accept", include_str!("cases/accept.rs")),
            ("attempts", include_str!("cases/attempts.rs")),
            ("block_on", include_str!("cases/block_on.rs")),
            ("blocking", include_str!("cases/blocking.rs")),
            ("callbacks_many", include_str!("cases/callbacks_many.rs")),
            ("callbacks_stranded", include_str!("cases/callbacks_stranded.rs")),
            ("calls", include_str!("cases/calls.rs")),
            ("cancel", include_str!("cases/cancel.rs")),
            ("connect", include_str!("cases/connect.rs")),
            ("context", include_str!("cases/context.rs")),
            ("datagram_protocols", include_str!("cases/datagram_protocols.rs")),
            ("descriptor", include_str!("cases/descriptor.rs")),
            ("descriptor_edges", include_str!("cases/descriptor_edges.rs")),
            ("descriptor_kinds", include_str!("cases/descriptor_kinds.rs")),
            ("endpoints", include_str!("cases/endpoints.rs")),
            ("given_up_connections", include_str!("cases/given_up_connections.rs")),
            ("given_up_datagrams", include_str!("cases/given_up_datagrams.rs")),
            ("given_up_streams", include_str!("cases/given_up_streams.rs")),
            ("halves", include_str!("cases/halves.rs")),
            ("hardship", include_str!("cases/hardship.rs")),
            ("interval", include_str!("cases/interval.rs")),
            ("named_pipes", include_str!("cases/named_pipes.rs")),
            ("orphans", include_str!("cases/orphans.rs")),
            ("pipes", include_str!("cases/pipes.rs")),
            ("process", include_str!("cases/process.rs")),
            ("process_protocols", include_str!("cases/process_protocols.rs")),
            ("protocols", include_str!("cases/protocols.rs")),
            ("shutdown", include_str!("cases/shutdown.rs")),
            ("signal", include_str!("cases/signal.rs")),
            ("source", include_str!("cases/source.rs")),
            ("stranded", include_str!("cases/stranded.rs")),
            ("stranded_edges", include_str!("cases/stranded_edges.rs")),
            ("streams", include_str!("cases/streams.rs")),
            ("tasks", include_str!("cases/tasks.rs")),
            ("tcp", include_str!("cases/tcp.rs")),
            ("tcp_edges", include_str!("cases/tcp_edges.rs")),
            ("tcp_handles", include_str!("cases/tcp_handles.rs")),
            ("tcp_options", include_str!("cases/tcp_options.rs")),
            ("time", include_str!("cases/time.rs")),
            ("traffic", include_str!("cases/traffic.rs")),
            ("udp", include_str!("cases/udp.rs")),
            ("udp_edges", include_str!("cases/udp_edges.rs")),
            ("udp_options", include_str!("cases/udp_options.rs")),
            ("unix", include_str!("cases/unix.rs")),
            ("unix_accept", include_str!("cases/unix_accept.rs")),
            ("unix_datagram", include_str!("cases/unix_datagram.rs")),
            ("unix_datagram_edges", include_str!("cases/unix_datagram_edges.rs")),
            ("unix_edges", include_str!("cases/unix_edges.rs")),
            ("unix_traffic", include_str!("cases/unix_traffic.rs")),
            ("waiting", include_str!("cases/waiting.rs")),
        ];
        for (topic, cases) in topics {
            let listed = list
                .split_once(&format!("$name, {topic}:"))
                .expect("a topic of the list")
                .1;
            let listed = listed
                .split_once('}')
                .unwrap()
                .0
                .split_whitespace()
                .collect::<BTreeSet<_>>();
            assert_eq!(names_after(cases, "pub fn "), listed, "of {topic}");
        }
        let modules = include_str!("cases/mod.rs").matches("pub mod ").count();
        assert_eq!(modules, topics.len());
    }
}
