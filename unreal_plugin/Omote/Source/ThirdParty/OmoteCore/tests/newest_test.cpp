// The slot between the receiver's thread and the game's.

#include <set>
#include <thread>
#include <vector>

#include "omote/newest.h"
#include "test.h"

using omote::Newest;

TEST(the_newest_value_is_taken_once) {
    Newest<int> slot;
    int value = 1, taken = 0;
    slot.Put(value);
    value = 2;
    slot.Put(value);
    EXPECT(slot.Take(taken));
    EXPECT_EQUAL(taken, 2);
    EXPECT(!slot.Take(taken));
    EXPECT_EQUAL(slot.Replaced(), std::uint64_t{1});
}

TEST(three_buffers_go_round_and_no_more) {
    Newest<std::vector<int>> slot;
    std::vector<int> written, taken;
    std::set<const int*> buffers;
    for (int round = 0; round < 100; ++round) {
        written.resize(1000);
        buffers.insert(written.data());
        slot.Put(written);
        if (round % 3 == 0) slot.Take(taken);
    }
    EXPECT_EQUAL(buffers.size(), std::size_t{3});
}

TEST(who_waits_is_woken) {
    Newest<int> slot;
    std::thread writer([&slot] {
        int value = 7;
        slot.Put(value);
    });
    int taken = 0;
    EXPECT(slot.Take(taken, std::chrono::seconds(60)));
    writer.join();
    EXPECT_EQUAL(taken, 7);
}

TEST(values_only_grow_newer_while_two_threads_work) {
    Newest<int> slot;
    std::thread writer([&slot] {
        for (int value = 1; value <= 20000; ++value) {
            int filled = value;
            slot.Put(filled);
        }
    });
    int last = 0, count = 0;
    while (last < 20000) {
        int taken = 0;
        if (!slot.Take(taken, std::chrono::seconds(60))) break;
        if (taken <= last) break;
        last = taken;
        ++count;
    }
    writer.join();
    EXPECT_EQUAL(last, 20000);
    EXPECT_EQUAL(slot.Replaced() + static_cast<std::uint64_t>(count), std::uint64_t{20000});
}

TEST(what_was_cleared_is_not_taken) {
    Newest<int> slot;
    int value = 1, taken = 0;
    slot.Put(value);
    slot.Clear();
    EXPECT(!slot.Take(taken));
}
