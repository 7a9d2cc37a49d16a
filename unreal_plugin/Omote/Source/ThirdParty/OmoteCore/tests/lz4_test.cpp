// LZ4 blocks, put together by hand from the format's description.

#include <vector>

#include "omote/error.h"
#include "omote/lz4.h"
#include "test.h"

using namespace omote;

namespace {

std::string Unpacked(const std::string& block, std::size_t size) {
    std::string out(size, '\0');
    UnpackLz4(Bytes(block), reinterpret_cast<std::uint8_t*>(out.data()), size);
    return out;
}

std::string Refusal(const std::string& block, std::size_t size) {
    return ErrorOf<WireError>([&] { Unpacked(block, size); });
}

}  // namespace

TEST(literals_are_copied) { EXPECT_EQUAL(Unpacked("\x30"  "abc", 3), std::string("abc")); }

TEST(an_empty_block_gives_nothing) { EXPECT_EQUAL(Unpacked(std::string(1, '\0'), 0), std::string()); }

TEST(a_match_that_overlaps_itself_repeats) {
    // One literal, then 4 + 2 bytes from one byte back, then one literal.
    EXPECT_EQUAL(Unpacked(std::string("\x12" "a\x01\x00" "\x10" "b", 6), 8), std::string("aaaaaaab"));
}

TEST(long_lengths_go_on_in_further_bytes) {
    const std::string literals(15 + 255 + 7, 'x');
    EXPECT_EQUAL(Unpacked(std::string("\xF0\xFF\x07", 3) + literals, literals.size()), literals);
}

TEST(a_block_that_breaks_off_is_refused) {
    const std::string whole("\x12" "a\x01\x00" "\x10" "b", 6);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        ExpectContains(Refusal(whole.substr(0, length), 8), "alpha");
    }
}

TEST(a_block_that_gives_more_or_fewer_bytes_is_refused) {
    ExpectContains(Refusal("\x30" "abc", 2), "must give 2 bytes, it holds more");
    ExpectContains(Refusal("\x30" "abc", 4), "must give 4 bytes, it ends after 3");
}

TEST(a_match_before_the_beginning_is_refused) {
    ExpectContains(Refusal(std::string("\x10" "a\x02\x00" "\x00", 5), 5), "not there");
    ExpectContains(Refusal(std::string("\x10" "a\x00\x00" "\x00", 5), 5), "not there");
}

TEST(a_length_of_many_bytes_is_refused_before_anything_is_written) {
    ExpectContains(Refusal("\xF0" + std::string(100000, '\xFF') + std::string(1, '\0'), 16), "alpha");
}
