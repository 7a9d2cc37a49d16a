// The rules of the wire that every message keeps, whatever it carries.

#include "omote/envelope.h"
#include "omote/error.h"
#include "omote/format.h"
#include "packed.h"
#include "test.h"
#include "vectors.h"

using namespace omote;

namespace {

std::string Refusal(const Message& message) {
    Document document;
    return ErrorOf<WireError>([&] { message.Envelope(document); });
}

Message WithHeader(const std::string& header) {
    Message message = StoredMessage("wire_params");
    message.Parts()[1] = header;
    return message;
}

// Lists in lists, `depth` of them.
std::string Nested(int depth) { return std::string(static_cast<std::size_t>(depth), '\x91') + '\x01'; }

std::string MapHolding(const std::string& packedValue) { return std::string("\x81\xa1x", 3) + packedValue; }

}  // namespace

TEST(a_message_has_3_to_8_parts) {
    Message message = StoredMessage("wire_params");
    message.Parts().resize(2);
    ExpectContains(Refusal(message), "3 to 8 parts, got 2");
    message.Parts() = StoredMessage("wire_params").Parts();
    message.Parts().resize(9);
    ExpectContains(Refusal(message), "3 to 8 parts, got 9");
    message.Parts().resize(8);
    Document document;
    EXPECT_EQUAL(message.Envelope(document).topic.kind, 'p');
}

TEST(topics_are_told_apart) {
    const Topic plain = ReadTopic(Bytes(std::string_view("v/omote-2")));
    EXPECT_EQUAL(plain.subject, std::string_view("omote-2"));
    EXPECT(plain.format.empty());
    const Topic formatted = ReadTopic(Bytes(std::string_view("v.jpeg+lz4a.bottom/a.b")));
    EXPECT_EQUAL(formatted.format, std::string_view("jpeg+lz4a.bottom"));
    EXPECT_EQUAL(formatted.subject, std::string_view("a.b"));
}

TEST(odd_topics_are_refused) {
    const std::string long64(64, 'x'), long65(65, 'x');
    EXPECT_EQUAL(ReadTopic(Bytes(std::string_view("v/" + long64).substr(0, 66))).subject.size(), std::size_t{64});
    for (const std::string& odd : {std::string(), std::string("v"), std::string("v/"), std::string("/omote"),
                                   std::string("x/omote"), std::string("vv/omote"), std::string("v./omote"),
                                   std::string("p.jpeg/omote"), std::string("v.JPEG/omote"), std::string("v/a/b"),
                                   std::string("v/a b"), std::string("v/\xC3\xA4"), "v/" + long65,
                                   "v." + long65 + "/omote", std::string(100000, 'v')}) {
        ExpectContains(ErrorOf<WireError>([&] { ReadTopic(Bytes(odd)); }), "topic");
    }
}

TEST(odd_subjects_cannot_be_subscribed_to) {
    ExpectContains(ErrorOf<SettingsError>([] { TopicName('v', "a b"); }), "subject");
    ExpectContains(ErrorOf<SettingsError>([] { Format::Parse("rgba16"); }), "rgba16");
    ExpectContains(ErrorOf<SettingsError>([] { Format::Parse("jpeg.premultiplied"); }), "jpeg+lz4a");
}

TEST(every_format_parses_to_its_name) {
    for (const char* name : {"rgba8", "bgra8", "jpeg", "jpeg+lz4a", "rgba8.premultiplied", "bgra8.bottom",
                             "jpeg.bottom", "jpeg+lz4a.premultiplied.bottom"}) {
        EXPECT_EQUAL(Format::Parse(name).Name(), std::string(name));
    }
}

TEST(a_header_is_one_map_within_its_bounds) {
    ExpectContains(Refusal(WithHeader("")), "header");
    ExpectContains(Refusal(WithHeader("\x93\x01\x02\x03")), "map");
    ExpectContains(Refusal(WithHeader(Packed("v", 1) + "x")), "follow");
    ExpectContains(Refusal(WithHeader(std::string(4097, '\0'))), "4096");
    ExpectContains(Refusal(WithHeader(Packed("v", 1, "x", std::string(257, 'x')))), "bounds");
    const std::string longList = std::string("\xdc\x01\x01", 3) + std::string(257, '\x01');
    ExpectContains(Refusal(WithHeader(MapHolding(longList))), "bounds");
    ExpectContains(Refusal(WithHeader(std::string("\xde\x00\x41", 3) + std::string(130, '\x01'))), "bounds");
    ExpectContains(Refusal(WithHeader(MapHolding(Nested(8)))), "8 deep");
    ExpectContains(Refusal(WithHeader(MapHolding(Nested(7)))), "'v'");  // it is read, and says no version
    ExpectContains(Refusal(WithHeader("\xdf\xff\xff\xff\xff")), "bounds");
}

TEST(numbers_that_are_no_whole_ones_are_refused_by_name) {
    ExpectContains(Refusal(WithHeader(Packed("v", true))), "'v'");
    ExpectContains(Refusal(WithHeader(Packed("v", 0))), "version");
    ExpectContains(Refusal(WithHeader(Packed("v", 1, "session", -1))), "'session'");
    ExpectContains(Refusal(WithHeader(Packed("v", 1, "session", 1, "seq", 0.5))), "'seq'");
    ExpectContains(Refusal(WithHeader(Packed("v", 1, "session", "one"))), "'session'");
}

TEST(a_newer_version_is_refused_by_name) {
    ExpectContains(Refusal(WithHeader(Packed("v", 2))), "wire version 2 is newer than 1");
}

TEST(of_two_entries_with_one_key_the_later_counts) {
    ExpectContains(Refusal(WithHeader(Packed("v", 1, "v", 2))), "version 2");
}
