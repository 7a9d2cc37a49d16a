#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "omote/error.h"
#include "omote/message_buffer.h"

// ZMTP 3.1 as far as a client needs it that subscribes or asks, without encryption (rfc.zeromq.org/spec/37). Reads and
// writes bytes; opens nothing.

namespace omote {

enum class Role { Subscriber, Dealer };

/// A connection that cannot go on; connecting again may cure it. Never leaves this library.
class LinkError : public Error {
public:
    explicit LinkError(const std::string& reason, bool isRefusal = false) : Error(reason), isRefusal_(isRefusal) {}

    /// Whether the other side is Omote, or may be, and does not let us in.
    bool IsRefusal() const { return isRefusal_; }

private:
    bool isRefusal_;
};

constexpr std::size_t GreetingBytes = 64;
/// So much of a greeting says which version it is; the other side then says the rest of its own.
constexpr std::size_t VersionBytes = 11;

/// Our greeting: version 3.1, no encryption, no server.
std::string ZmtpGreeting();

/// What the other side's greeting says.
struct PeerGreeting {
    int minor = 0;          // 3.MINOR
    std::string mechanism;  // NULL, PLAIN, CURVE
};

/// LinkError where the bytes so far can be no greeting of ZMTP 3.
void RequireSignature(Bytes greeting);
PeerGreeting ReadGreeting(Bytes greeting);

/// The frames of a command, of a message of one part, and of a subscription, which a peer of 3.0 takes as a message.
std::string CommandFrame(std::string_view name, std::string_view body);
std::string MessageFrame(Bytes body);
std::string SubscriptionFrame(std::string_view topic, int peerMinor);

std::string ReadyFrame(Role role);

/// LinkError where the other side's first command is not READY, or says that it is no socket for this role.
void RequireReady(std::string_view command, Role role);

/// The PONG for a command, where it is a PING; else nothing.
std::string PongFor(std::string_view command);

/// Cuts a stream of bytes into messages and commands. Bounded: a part by `maxPartBytes`, a message by 64 parts, a command
/// by 1024 bytes; LinkError above. The same message has to be given until it is whole.
class FrameReader {
public:
    enum class Event { None, Command, Message };

    explicit FrameReader(std::size_t maxPartBytes);

    void Reset();

    /// Where the next bytes may be written, and how many.
    std::uint8_t* Room(MessageBuffer& message, std::size_t& size);
    void Filled(MessageBuffer& message, std::size_t count);

    /// Whether so many bytes wait; then takes them off the front. For the greeting, which has no frame.
    bool TakeRaw(std::size_t count, std::string& into);
    Bytes Waiting() const { return {stage_.data() + at_, end_ - at_}; }

    /// The next whole thing in what was filled.
    Event Next(MessageBuffer& message);
    std::string_view LastCommand() const { return command_; }

private:
    bool ReadHead(MessageBuffer& message);
    bool ReadBody(MessageBuffer& message);

    const std::size_t maxPartBytes_;
    std::vector<std::uint8_t> stage_;
    std::size_t at_ = 0, end_ = 0;
    std::string command_;
    std::uint8_t flags_ = 0;
    std::uint64_t left_ = 0;  // bytes of the frame that have not come
    bool isInFrame_ = false;
    bool isDirect_ = false;  // the room that was given is the message's own
    std::size_t parts_ = 0;
};

}  // namespace omote
