#include "omote/zmtp.h"

#include <algorithm>
#include <cstring>

namespace omote {

namespace {

constexpr std::uint8_t More = 1, Long = 2, Command = 4;
constexpr std::size_t StageBytes = 65536;
constexpr std::size_t MostDirectBytes = 1u << 20;
constexpr std::size_t MaxCommandBytes = 1024;
constexpr std::size_t MaxZmtpParts = 64;
constexpr std::size_t MechanismAt = 12, MechanismBytes = 20;

std::string Printable(std::string_view text) {
    std::string shown(text.substr(0, 24));
    for (char& letter : shown) letter = letter < ' ' || letter > '~' ? '?' : letter;
    return shown;
}

std::string Frame(std::uint8_t flags, std::string_view body) {
    std::string frame;
    const bool isLong = body.size() > 255;
    frame += static_cast<char>(flags | (isLong ? Long : 0));
    for (int shift = isLong ? 56 : 0; shift >= 0; shift -= 8) {
        frame += static_cast<char>(static_cast<std::uint64_t>(body.size()) >> shift);
    }
    return frame.append(body);
}

bool IsCommand(std::string_view command, std::string_view name) {
    if (command.empty() || static_cast<unsigned char>(command[0]) != name.size()) return false;
    return command.substr(1, name.size()) == name;
}

std::string_view BodyOf(std::string_view command) {
    const std::size_t name = command.empty() ? 0 : static_cast<unsigned char>(command[0]);
    return command.substr(std::min(command.size(), 1 + name));
}

// The value of one of READY's properties; nothing where it has none of this name.
std::string_view PropertyOf(std::string_view properties, std::string_view wanted) {
    while (!properties.empty()) {
        const std::size_t name = static_cast<unsigned char>(properties[0]);
        if (properties.size() < 1 + name + 4) return {};
        std::size_t size = 0;
        for (std::size_t at = 1 + name; at < 1 + name + 4; ++at) {
            size = size << 8 | static_cast<unsigned char>(properties[at]);
        }
        if (size > properties.size() - (1 + name + 4)) return {};
        if (properties.substr(1, name) == wanted) return properties.substr(1 + name + 4, size);
        properties.remove_prefix(1 + name + 4 + size);
    }
    return {};
}

}  // namespace

std::string ZmtpGreeting() {
    std::string greeting(GreetingBytes, '\0');
    greeting[0] = static_cast<char>(0xFF);
    greeting[9] = 0x7F;
    greeting[10] = 3;
    greeting[11] = 1;
    greeting.replace(MechanismAt, 4, "NULL");
    return greeting;
}

void RequireSignature(Bytes greeting) {
    const bool isOdd =
        (greeting.size > 0 && greeting.data[0] != 0xFF) || (greeting.size > 9 && greeting.data[9] != 0x7F);
    if (isOdd) {
        throw LinkError("what listens there does not speak ZeroMQ, it said '" + Printable(greeting.Text()) +
                        "': is the port right?");
    }
    if (greeting.size > 10 && greeting.data[10] < 3) {
        throw LinkError("what listens there speaks ZMTP " + std::to_string(greeting.data[10]) + ", wanted 3");
    }
}

PeerGreeting ReadGreeting(Bytes greeting) {
    RequireSignature(greeting);
    const std::string_view field = greeting.Text().substr(MechanismAt, MechanismBytes);
    return {greeting.data[11], std::string(field.substr(0, field.find('\0')))};
}

std::string CommandFrame(std::string_view name, std::string_view body) {
    return Frame(Command, (std::string(1, static_cast<char>(name.size())).append(name)).append(body));
}

std::string MessageFrame(Bytes body) { return Frame(0, body.Text()); }

std::string SubscriptionFrame(std::string_view topic, int peerMinor) {
    if (peerMinor >= 1) return CommandFrame("SUBSCRIBE", topic);
    return Frame(0, std::string(1, '\x01').append(topic));
}

std::string ReadyFrame(Role role) {
    const std::string_view type = role == Role::Subscriber ? "SUB" : "DEALER";
    std::string body("\x0bSocket-Type\0\0\0", 15);
    (body += static_cast<char>(type.size())).append(type);
    return CommandFrame("READY", body);
}

void RequireReady(std::string_view command, Role role) {
    if (IsCommand(command, "ERROR")) {
        throw LinkError("the other side refused the handshake: " + Printable(BodyOf(command)), true);
    }
    if (!IsCommand(command, "READY")) {
        throw LinkError("wanted READY, got another command: '" + Printable(command) + "'");
    }
    const std::string_view type = PropertyOf(BodyOf(command), "Socket-Type");
    const bool fits = role == Role::Subscriber ? type == "PUB" || type == "XPUB" : type == "ROUTER";
    if (fits) return;
    throw LinkError("a " + Printable(type) + " socket listens there, wanted " +
                    (role == Role::Subscriber ? "PUB: params are usually at port 5556, pictures at 5557"
                                              : "ROUTER: control is usually at port 5558"));
}

std::string PongFor(std::string_view command) {
    constexpr std::size_t ttl = 2, mostContext = 16;
    if (!IsCommand(command, "PING") || BodyOf(command).size() < ttl) return {};
    return CommandFrame("PONG", BodyOf(command).substr(ttl, mostContext));
}

FrameReader::FrameReader(std::size_t maxPartBytes) : maxPartBytes_(maxPartBytes), stage_(StageBytes) {}

void FrameReader::Reset() {
    at_ = end_ = parts_ = 0;
    left_ = 0;
    isInFrame_ = isDirect_ = false;
}

std::uint8_t* FrameReader::Room(MessageBuffer& message, std::size_t& size) {
    // The rest of a large part is read to where it stays; all else goes by the stage.
    const bool isLarge = isInFrame_ && !(flags_ & Command) && at_ == end_ && left_ >= StageBytes;
    size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, MostDirectBytes));
    std::uint8_t* direct = isLarge ? message.Room(size) : nullptr;
    isDirect_ = direct != nullptr;
    if (isDirect_) return direct;
    if (at_ == end_) at_ = end_ = 0;
    if (end_ == stage_.size()) {
        std::memmove(stage_.data(), stage_.data() + at_, end_ - at_);
        end_ -= at_;
        at_ = 0;
    }
    size = stage_.size() - end_;
    return stage_.data() + end_;
}

void FrameReader::Filled(MessageBuffer& message, std::size_t count) {
    if (!isDirect_) {
        end_ += count;
        return;
    }
    message.Filled(count);
    left_ -= count;
}

bool FrameReader::TakeRaw(std::size_t count, std::string& into) {
    if (end_ - at_ < count) return false;
    into.assign(reinterpret_cast<const char*>(stage_.data()) + at_, count);
    at_ += count;
    return true;
}

FrameReader::Event FrameReader::Next(MessageBuffer& message) {
    while (true) {
        if (!isInFrame_ && !ReadHead(message)) return Event::None;
        if (!ReadBody(message)) return Event::None;
        isInFrame_ = false;
        if (flags_ & Command) return Event::Command;
        if (flags_ & More) continue;
        parts_ = 0;
        return Event::Message;
    }
}

bool FrameReader::ReadHead(MessageBuffer& message) {
    if (at_ == end_) return false;
    const std::uint8_t flags = stage_[at_];
    if (flags & ~(More | Long | Command) || ((flags & Command) && (flags & More))) {
        throw LinkError("the flags of a ZMTP frame were " + std::to_string(flags) + ": the stream is broken");
    }
    const std::size_t head = flags & Long ? 9 : 2;
    if (end_ - at_ < head) return false;
    std::uint64_t length = 0;
    for (std::size_t at = at_ + 1; at < at_ + head; ++at) length = length << 8 | stage_[at];
    const std::size_t most = flags & Command ? MaxCommandBytes : maxPartBytes_;
    if (length > most) {
        throw LinkError("a part of " + std::to_string(length) + " bytes came, at most " + std::to_string(most) +
                        " are taken");
    }
    at_ += head;
    flags_ = flags;
    left_ = length;
    isInFrame_ = true;
    if (flags & Command) {
        command_.clear();
    } else {
        if (parts_ == MaxZmtpParts) throw LinkError("a message of more than 64 parts came");
        if (parts_++ == 0) message.Clear();
        message.BeginPart(length);
    }
    return true;
}

bool FrameReader::ReadBody(MessageBuffer& message) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, end_ - at_));
    if (count > 0) {
        const std::uint8_t* from = stage_.data() + at_;
        if (flags_ & Command) {
            command_.append(reinterpret_cast<const char*>(from), count);
        } else if (std::uint8_t* into = message.Room(count)) {
            std::memcpy(into, from, count);
            message.Filled(count);
        }
        at_ += count;
        left_ -= count;
    }
    return left_ == 0;
}

}  // namespace omote
