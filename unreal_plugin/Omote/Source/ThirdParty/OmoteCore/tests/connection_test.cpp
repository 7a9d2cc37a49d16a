// The text in which a Live Link source is told where Omote is.

#include "omote/connection.h"
#include "omote/error.h"
#include "test.h"

using namespace omote;

TEST(an_empty_text_changes_nothing) {
    EXPECT_EQUAL(Connection().With("").params, std::string("tcp://127.0.0.1:5556"));
    EXPECT(!Connection().With(" ; ").Keys());
}

TEST(a_text_changes_what_it_names) {
    const std::string text = " params = tcp://10.0.0.2:5556 ;subject=ada; keys=C:\\my keys\\a=b.key";
    const Connection changed = Connection().With(text);
    EXPECT_EQUAL(changed.params, std::string("tcp://10.0.0.2:5556"));
    EXPECT_EQUAL(changed.subject, std::string("ada"));
    EXPECT_EQUAL(changed.keyFile, std::string("C:\\my keys\\a=b.key"));
    EXPECT_EQUAL(changed.video, Connection().video);
}

TEST(an_unknown_word_is_refused_with_those_there_are) {
    ExpectContains(ErrorOf<SettingsError>([] { Connection().With("port=5556"); }), "subject=...");
}
