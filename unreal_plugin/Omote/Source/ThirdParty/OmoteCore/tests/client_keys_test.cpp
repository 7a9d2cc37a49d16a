// The key file that `omote keys new NAME` writes.

#include "omote/client_keys.h"
#include "omote/error.h"
#include "test.h"

using namespace omote;

namespace {

const std::string Server(40, 'a'), Public(40, '#'), Secret(40, '=');

std::string File(const std::string& server, const std::string& secret) {
    return "# a comment with secret = \"none\"\nname = \"studio-pc\"\r\n later = \"unknown\"\nserver = \"" + server +
           "\"\npublic=\"" + Public + "\"  \n  secret = \"" + secret + "\"\n";
}

}  // namespace

TEST(a_key_file_is_read) {
    const ClientKeys keys = ClientKeys::Parse(File(Server, Secret), "f");
    EXPECT_EQUAL(keys.server, Server);
    EXPECT_EQUAL(keys.publicKey, Public);
    EXPECT_EQUAL(keys.secretKey, Secret);
}

TEST(a_missing_key_is_named_with_its_cure) {
    const std::string error = ErrorOf<SettingsError>([] { ClientKeys::Parse("server = \"x\"", "some/file"); });
    ExpectContains(error, "some/file: 'server'");
    ExpectContains(error, "omote keys new");
}

TEST(a_wrong_key_is_refused_without_repeating_it) {
    const std::string broken = "not forty letters";
    const std::string error = ErrorOf<SettingsError>([&] { ClientKeys::Parse(File(Server, broken), "f"); });
    ExpectContains(error, "'secret'");
    EXPECT(error.find(broken) == std::string::npos);
}

TEST(letters_outside_z85_are_refused) {
    EXPECT(!ErrorOf<SettingsError>([] { ClientKeys::Parse(File(std::string(40, '~'), Secret), "f"); }).empty());
}

TEST(a_file_that_is_not_there_is_refused) {
    ExpectContains(ErrorOf<SettingsError>([] { ClientKeys::Load("/no/such/file"); }), "cannot be read");
}
