// Texts that Python would refuse are refused here.

#include "omote/error.h"
#include "omote/utf8.h"
#include "omote/value.h"
#include "test.h"

using namespace omote;

namespace {

std::string Refusal(const std::string& packed) {
    Document document;
    return ErrorOf<WireError>([&] { document.Read(Bytes(packed), "header"); });
}

}  // namespace

TEST(texts_of_all_lengths_are_utf8) {
    for (const char* text : {"", "omote", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEF\xBF\xBF",
                             "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "\xE9\x9D\xA2 mask"}) {
        EXPECT(IsUtf8(text));
    }
    EXPECT_EQUAL(CountLetters("\xE9\x9D\xA2 mask"), std::size_t{6});
}

TEST(what_is_cut_short_too_long_or_no_letter_is_not_utf8) {
    for (const char* text : {"\x80", "\xFF", "\xC2", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80",
                             "\xE9\x9D", "\xE9\x9D!", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                             "a\xF0\x90\x80"}) {
        EXPECT(!IsUtf8(text));
    }
}

TEST(a_map_with_a_text_that_is_not_utf8_is_refused_wherever_it_lies) {
    ExpectContains(Refusal("\x81\xA1x\xA1\xFF"), "UTF-8");
    ExpectContains(Refusal("\x81\xA1\xFF\x01"), "UTF-8");
    ExpectContains(Refusal("\x81\xA1x\x91\x81\xA1y\xA1\xFF"), "UTF-8");
}

TEST(a_map_with_keys_that_are_no_texts_is_refused) {
    ExpectContains(Refusal("\x81\x01\x01"), "keys");
    ExpectContains(Refusal("\x81\xA1x\x81\xC4\x01y\x01"), "keys");
}
