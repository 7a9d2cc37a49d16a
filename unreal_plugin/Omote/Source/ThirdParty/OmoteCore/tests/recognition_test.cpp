#include "omote/recognition.h"
#include "test.h"

using namespace omote;

using Names = std::vector<std::string>;

TEST(what_is_in_the_later_list_alone_has_begun) {
    const RecognitionChange change = ChangeOf({"blink", "smile"}, {"smile", "tongue", "puff"});
    EXPECT(change.ended == Names({"blink"}));
    EXPECT(change.began == Names({"tongue", "puff"}));
}

TEST(another_order_is_no_change) {
    const RecognitionChange change = ChangeOf({"blink", "smile"}, {"smile", "blink"});
    EXPECT(change.ended.empty() && change.began.empty());
}

TEST(when_nothing_comes_any_more_all_has_ended) {
    EXPECT(ChangeOf({"blink", "smile"}, {}).ended == Names({"blink", "smile"}));
}
