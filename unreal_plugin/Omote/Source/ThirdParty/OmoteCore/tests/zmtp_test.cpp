// ZMTP as it lies on the wire, what a receiver says about peers that do not speak it, and that none can fill its memory.

#include "omote/control_client.h"
#include "omote/receiver.h"
#include "omote/zmtp.h"
#include "raw_peer.h"
#include "test.h"

using namespace omote;

namespace {

constexpr std::size_t Most = 1000;

std::string Text(Bytes bytes) { return std::string(bytes.Text()); }

// What the reader makes of these bytes, given in pieces of this size; -1 for all at once.
struct Read {
    std::vector<std::vector<std::string>> messages;
    std::vector<std::string> commands;

    explicit Read(const std::string& stream, std::size_t piece) {
        FrameReader reader(1u << 20);
        MessageBuffer message{Most, Most, 1u << 20};
        for (std::size_t at = 0; at < stream.size();) {
            std::size_t size = 0;
            std::uint8_t* room = reader.Room(message, size);
            const std::size_t count = std::min({size, piece, stream.size() - at});
            std::copy_n(stream.data() + at, count, reinterpret_cast<char*>(room));
            reader.Filled(message, count);
            at += count;
            Take(reader, message);
        }
    }

private:
    void Take(FrameReader& reader, MessageBuffer& message) {
        for (auto event = reader.Next(message); event != FrameReader::Event::None; event = reader.Next(message)) {
            if (event == FrameReader::Event::Command) {
                commands.emplace_back(reader.LastCommand());
                continue;
            }
            std::vector<std::string> parts;
            for (std::size_t at = 0; at < std::min<std::size_t>(3, message.Count()); ++at) {
                parts.push_back(message.Part(at).data ? Text(message.Part(at)) : "");
            }
            messages.push_back(parts);
        }
    }
};

std::string Part(const std::string& body, bool isMore) {
    std::string frame = MessageFrame(Bytes(body));
    frame[0] = static_cast<char>(frame[0] | (isMore ? 1 : 0));
    return frame;
}

std::string ReasonFor(const std::string& greeting) {
    return ErrorOf<LinkError>([&] { ReadGreeting(Bytes(greeting)); });
}

std::string Greeting(const std::string& mechanism) {
    std::string greeting = ZmtpGreeting();
    greeting.replace(12, 20, mechanism + std::string(20 - mechanism.size(), '\0'));
    return greeting;
}

std::string ReadyOf(const std::string& type) {
    return CommandFrame("READY", std::string("\x0bSocket-Type\0\0\0", 15) + static_cast<char>(type.size()) + type);
}

// The handshake of a PUB socket.
void Welcome(RawPeer::Client& client) {
    client.Say(ZmtpGreeting());
    client.Hear(64);
    client.Say(ReadyOf("XPUB"));
}

template <class Claim>
bool Becomes(Claim claim) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!claim()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

// What a receiver says about this peer.
std::pair<State, std::string> DiagnosisOf(std::function<void(RawPeer::Client&)> talk) {
    RawPeer peer(std::move(talk));
    ReceiverSettings settings;
    settings.endpoint = peer.Endpoint();
    Receiver receiver(settings);
    receiver.Start();
    EXPECT(Becomes([&] { return !receiver.Report().lastError.empty(); }));
    const Statistics report = receiver.Report();
    return {report.state, report.lastError};
}

}  // namespace

TEST(our_greeting_and_ready_are_golden) {
    const std::string greeting = ZmtpGreeting();
    EXPECT_EQUAL(greeting.size(), std::size_t{64});
    EXPECT_EQUAL(greeting.substr(0, 17), std::string("\xff\0\0\0\0\0\0\0\0\x7f\x03\x01NULL\0", 17));
    EXPECT_EQUAL(greeting.substr(17), std::string(47, '\0'));
    EXPECT_EQUAL(ReadyFrame(Role::Subscriber), std::string("\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB", 27));
    EXPECT_EQUAL(SubscriptionFrame("v/omote", 1), std::string("\x04\x11\x09SUBSCRIBEv/omote"));
    EXPECT_EQUAL(SubscriptionFrame("v/omote", 0), std::string("\0\x08\x01v/omote", 10));
    EXPECT_EQUAL(PongFor(std::string("\x04PING\0\x0a" "abc", 10)), std::string("\x04\x08\x04PONGabc"));
    EXPECT_EQUAL(PongFor("\x04PONGabc"), std::string());
}

TEST(frames_are_read_whatever_pieces_they_come_in) {
    const std::string large(200000, 'x');
    const std::string stream = Part("topic", true) + Part("head", true) + CommandFrame("PING", std::string(2, '\0')) +
                               Part(large, false) + Part("", false) + Part(std::string(Most + 1, 'y'), true) + Part("z", false);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{65536}, stream.size()}) {
        const Read read(stream, piece);
        EXPECT_EQUAL(read.messages.size(), std::size_t{3});
        EXPECT(read.messages[0] == (std::vector<std::string>{"topic", "head", large}));
        EXPECT(read.messages[1] == std::vector<std::string>{""});
        EXPECT(read.messages[2] == (std::vector<std::string>{"", "z"}));  // of what is too large only the length is kept
        EXPECT_EQUAL(read.commands.size(), std::size_t{1});
    }
}

TEST(streams_that_exceed_their_bounds_are_ended) {
    std::string endless;
    for (int part = 0; part < 65; ++part) endless += Part("x", true);
    ExpectContains(ErrorOf<LinkError>([&] { Read(endless, 1000); }), "64 parts");
    ExpectContains(ErrorOf<LinkError>([] { Read(std::string("\x02\0\0\0\0\x80\0\0\0", 9), 9); }), "2147483648 bytes");
    ExpectContains(ErrorOf<LinkError>([] { Read(CommandFrame("PING", std::string(1020, 'x')), 4096); }), "1024");
    ExpectContains(ErrorOf<LinkError>([] { Read("HTTP/1.1 400", 12); }), "flags");
}

TEST(greetings_that_are_none_of_ours_are_named) {
    ExpectContains(ReasonFor("HTTP/1.1 400 Bad Request" + std::string(64, ' ')), "'HTTP/1.1 400 Bad Request'");
    std::string old = ZmtpGreeting();
    old[10] = 1;
    ExpectContains(ReasonFor(old), "ZMTP 1");
    EXPECT_EQUAL(ReadGreeting(Bytes(Greeting("CURVE"))).mechanism, std::string("CURVE"));
    ExpectContains(ErrorOf<LinkError>([] { RequireReady("\x05READY\x0bSocket-Type", Role::Subscriber); }), "PUB");
    ExpectContains(ErrorOf<LinkError>([] { RequireReady(ReadyOf("ROUTER").substr(2), Role::Subscriber); }), "ROUTER socket");
    ExpectContains(ErrorOf<LinkError>([] { RequireReady("\x05" "ERROR\x03" "400", Role::Dealer); }), "400");
}

TEST(a_receiver_says_what_is_wrong_with_the_other_side) {
    const auto http = DiagnosisOf([](RawPeer::Client& client) { client.Say("HTTP/1.1 400 Bad Request\r\n\r\n"); });
    EXPECT(http.first == State::Connecting);
    ExpectContains(http.second, "does not speak ZeroMQ, it said 'HTTP/1.1 400 Bad Request'");
    const auto curve = DiagnosisOf([](RawPeer::Client& client) { client.Say(Greeting("CURVE")); });
    EXPECT(curve.first == State::Refused);
    ExpectContains(curve.second, "no key file");
    const auto router = DiagnosisOf([](RawPeer::Client& client) {
        client.Say(ZmtpGreeting());
        client.Hear(64);
        client.Say(ReadyOf("ROUTER"));
        client.Hear(1000);
    });
    EXPECT(router.first == State::Connecting);
    ExpectContains(router.second, "a ROUTER socket listens there");
    const auto other = DiagnosisOf([](RawPeer::Client& client) {
        client.Say(ZmtpGreeting());
        client.Hear(64 + 27);
    });
    EXPECT(other.first == State::Refused);
    ExpectContains(other.second, "another user");
}

TEST(a_peer_that_says_nothing_is_given_up) {
    const auto silent = DiagnosisOf([](RawPeer::Client& client) { client.Hear(100); });
    EXPECT(silent.first == State::Connecting);
    ExpectContains(silent.second, "says nothing");
}

TEST(nobody_at_the_port_is_said) {
    std::string endpoint;
    { endpoint = RawPeer([](RawPeer::Client&) {}).Endpoint(); }
    ControlClient client(endpoint);
    ExpectContains(ErrorOf<ControlError>([&] { client.Call("hello", {}, std::chrono::milliseconds(500)); }), "nothing listens");
}

TEST(a_peer_of_zmtp_3_0_is_subscribed_to_by_messages) {
    std::atomic<bool> isRight{false};
    RawPeer peer([&isRight](RawPeer::Client& client) {
        std::string greeting = ZmtpGreeting();
        greeting[11] = 0;
        client.Say(greeting);
        client.Hear(64 + 27);
        client.Say(ReadyOf("PUB"));
        isRight = client.Hear(10) == std::string("\0\x08\x01v/omote", 10);
        client.Hear(1000);
    });
    ReceiverSettings settings;
    settings.endpoint = peer.Endpoint();
    Receiver receiver(settings);
    receiver.Start();
    EXPECT(Becomes([&] { return isRight.load(); }));
}

TEST(a_sender_of_endless_parts_is_disconnected_and_heard_again) {
    std::atomic<int> sent{0};
    RawPeer peer([&sent](RawPeer::Client& client) {
        Welcome(client);
        const std::string part = Part(std::string(16000, 'x'), true);
        for (sent = 0; sent < 5000 && client.Say(part); ++sent) {}
    });
    ReceiverSettings settings;
    settings.endpoint = peer.Endpoint();
    Receiver receiver(settings);
    receiver.Start();
    EXPECT(Becomes([&] { return receiver.Report().lastError.find("64 parts") != std::string::npos; }));
    EXPECT(sent < 5000);
}

TEST(stopping_ends_a_connection_at_any_of_its_stages) {
    for (int stage = 0; stage < 4; ++stage) {
        RawPeer peer([stage](RawPeer::Client& client) {
            if (stage > 0) client.Say(ZmtpGreeting());
            if (stage > 1) client.Say(ReadyOf("XPUB"));
            if (stage > 2) client.Say(Part("v/omote", true) + std::string("\x03\0\0", 3));
            client.Hear(100000);
        });
        ReceiverSettings settings;
        settings.endpoint = peer.Endpoint();
        Receiver receiver(settings);
        receiver.Start();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        const auto before = std::chrono::steady_clock::now();
        receiver.Stop();
        EXPECT(std::chrono::steady_clock::now() - before < std::chrono::seconds(2));
    }
}
