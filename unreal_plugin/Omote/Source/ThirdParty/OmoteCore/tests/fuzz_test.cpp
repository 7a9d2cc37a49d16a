// Seeded nonsense for every parser: nothing but WireError may come out, and nothing may be touched that is not theirs.

#include <algorithm>
#include <random>

#include "omote/discovery.h"
#include "omote/announcement.h"
#include "omote/control_message.h"
#include "omote/error.h"
#include "omote/lz4.h"
#include "omote/params.h"
#include "omote/picture.h"
#include "omote/zmtp.h"
#include "packed.h"
#include "test.h"
#include "vectors.h"

using namespace omote;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr int Inputs = 30000;  // of each kind: 187,500 in all, at a fifth of the speed
#else
constexpr int Inputs = 120000;  // 750,000 in all
#endif

class Mutator {
public:
    explicit Mutator(unsigned seed) : random_(seed) {}

    std::size_t Below(std::size_t end) {
        if (end == 0) return 0;
        return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
    }

    /// One to four changes: bytes flipped, cut off, put in, doubled, or a length made large.
    void Mutate(std::string& text) {
        for (std::size_t change = Below(4) + 1; change > 0; --change) MutateOnce(text);
    }

private:
    void MutateOnce(std::string& text) {
        const std::size_t at = Below(text.size());
        switch (Below(6)) {
            case 0: text.resize(at); break;
            case 1: text.insert(at, 1, static_cast<char>(Below(256))); break;
            case 2: text.insert(at, text.substr(at, Below(32))); break;
            case 3: text.erase(at, Below(8)); break;
            case 4: if (!text.empty()) text[at] = "\xC0\xCF\xDB\xDD\xDF\xFF"[Below(6)]; break;
            default: if (!text.empty()) text[at] = static_cast<char>(Below(256));
        }
    }

    std::mt19937 random_;
};

// Heap buffers of exactly their size, so that AddressSanitizer sees a read of one byte too many.
class Exact {
public:
    explicit Exact(const std::string& text) : bytes_(new std::uint8_t[text.size()]), size_(text.size()) {
        std::copy(text.begin(), text.end(), bytes_.get());
    }
    Bytes View() const { return {bytes_.get(), size_}; }

private:
    std::unique_ptr<std::uint8_t[]> bytes_;
    std::size_t size_;
};

void Decode(const Envelope& envelope, PictureDecoder& decoder, Picture& picture) {
    Params params;
    switch (envelope.topic.kind) {
        case 'v': decoder.Decode(envelope, picture); break;
        case 'p': DecodeParams(envelope, params); break;
        case 's': DecodeSchema(envelope); break;
        default: DecodeHello(envelope);
    }
}

// Whether the message was taken for one of ours. Any other exception than WireError ends the test.
bool IsAccepted(const std::vector<std::string>& message, Document& document, PictureDecoder& decoder,
                Picture& picture) {
    std::vector<Exact> owned;
    std::vector<Bytes> parts;
    for (const std::string& part : message) owned.emplace_back(part);
    for (const Exact& part : owned) parts.push_back(part.View());
    try {
        Decode(ReadEnvelope(parts.data(), parts.size(), document), decoder, picture);
        return true;
    } catch (const WireError& error) {
        EXPECT(error.what()[0] != '\0');
        return false;
    }
}

std::vector<Message> AllMessages() {
    std::vector<Message> messages;
    for (const std::string& name : NamesStartingWith("wire_")) messages.push_back(StoredMessage(name));
    return messages;
}

}  // namespace

TEST(mutated_messages_raise_nothing_but_wire_errors) {
    const std::vector<Message> messages = AllMessages();
    Mutator mutator(1);
    Document document;
    PictureDecoder decoder(Order::Bgra, GreyJpeg);
    Picture picture;
    int accepted = 0;
    for (int input = 0; input < Inputs; ++input) {
        std::vector<std::string> message = messages[mutator.Below(messages.size())].Parts();
        mutator.Mutate(message[mutator.Below(message.size())]);
        if (mutator.Below(20) == 0) message.resize(mutator.Below(12));
        accepted += IsAccepted(message, document, decoder, picture);
    }
    EXPECT(accepted > 0 && accepted < Inputs);
}

TEST(mutated_headers_that_are_whole_reach_the_payloads) {
    // Flipped bytes in the payload only: the parsers behind the header are met each time.
    const std::vector<Message> messages = AllMessages();
    Mutator mutator(2);
    Document document;
    PictureDecoder decoder(Order::Rgba, GreyJpeg);
    Picture picture;
    for (int input = 0; input < Inputs / 4; ++input) {
        std::vector<std::string> message = messages[mutator.Below(messages.size())].Parts();
        mutator.Mutate(message[2 + mutator.Below(message.size() - 2)]);
        IsAccepted(message, document, decoder, picture);
    }
}

TEST(mutated_and_random_lz4_blocks_raise_nothing_but_wire_errors) {
    const std::string block = StoredMessage("wire_video_jpeg_lz4a").Parts()[3];
    Mutator mutator(3);
    for (int input = 0; input < Inputs; ++input) {
        std::string mutated = input % 2 ? block : std::string(mutator.Below(64), '\0');
        for (char& byte : mutated) byte = input % 2 ? byte : static_cast<char>(mutator.Below(256));
        mutator.Mutate(mutated);
        const Exact exact(mutated);
        const std::size_t size = input % 3 ? 128 : mutator.Below(300);
        const std::unique_ptr<std::uint8_t[]> out(new std::uint8_t[size]);
        try {
            UnpackLz4(exact.View(), out.get(), size);
        } catch (const WireError& error) {
            ExpectContains(error.what(), "alpha");
        }
    }
}

TEST(mutated_replies_raise_nothing_but_wire_errors) {
    std::vector<std::string> replies;
    for (const std::string& name : NamesStartingWith("control_")) replies.push_back(StoredMessage(name).Parts()[0]);
    Mutator mutator(4);
    Document document;
    for (int input = 0; input < Inputs; ++input) {
        std::string mutated = replies[mutator.Below(replies.size())];
        mutator.Mutate(mutated);
        const Exact exact(mutated);
        try {
            const Reply reply = DecodeReply(exact.View(), document);
            if (reply.result) reply.result->ToJson();
        } catch (const WireError& error) {
            EXPECT(error.what()[0] != '\0');
        }
    }
}

TEST(mutated_topics_raise_nothing_but_wire_errors) {
    Mutator mutator(5);
    for (int input = 0; input < Inputs; ++input) {
        std::string topic = input % 2 ? "v.jpeg+lz4a.premultiplied.bottom/omote" : "p/omote";
        mutator.Mutate(topic);
        const Exact exact(topic);
        try {
            EXPECT(!ReadTopic(exact.View()).subject.empty());
        } catch (const WireError& error) {
            ExpectContains(error.what(), "topic");
        }
    }
}

TEST(mutated_announcements_raise_nothing_but_wire_errors) {
    Mutator mutator(7);
    const std::string said = Packed("v", 1, "name", "studio", "subject", "omote", "session", UINT64_MAX, "video",
                                    "tcp://127.0.0.1:5557", "params", "", "control", "", "curve", true, "omote", "0");
    for (int input = 0; input < Inputs; ++input) {
        std::string mutated = said;
        mutator.Mutate(mutated);
        const Exact exact(mutated);
        try {
            EXPECT(DecodeSender(exact.View()).video.size() < 300);
        } catch (const WireError& error) {
            EXPECT(error.what()[0] != '\0');
        }
    }
}

TEST(mutated_streams_raise_nothing_but_link_errors) {
    const std::string head = MessageFrame(Bytes(std::string_view("v/omote")));
    const std::string stream = CommandFrame("READY", std::string("\x0bSocket-Type\0\0\0\x04XPUB", 20)) + "\x01" + head.substr(1) +
                               CommandFrame("PING", std::string("\0\0abc", 5)) + head;
    Mutator mutator(6);
    for (int input = 0; input < Inputs; ++input) {
        std::string mutated = stream;
        mutator.Mutate(mutated);
        FrameReader reader(4096);
        MessageBuffer message{64, 64, 4096};
        try {
            for (std::size_t at = 0; at < mutated.size();) {
                std::size_t size = 0;
                std::uint8_t* room = reader.Room(message, size);
                const std::size_t count = std::min({size, 1 + mutator.Below(16), mutated.size() - at});
                std::copy_n(mutated.data() + at, count, reinterpret_cast<char*>(room));
                reader.Filled(message, count);
                at += count;
                for (auto event = reader.Next(message); event != FrameReader::Event::None; event = reader.Next(message)) {
                    if (event == FrameReader::Event::Message) continue;
                    PongFor(reader.LastCommand());
                    RequireReady(reader.LastCommand(), Role::Subscriber);
                }
            }
            RequireSignature(Bytes(mutated));
        } catch (const LinkError& error) {
            EXPECT(error.what()[0] != '\0');
        }
    }
}
