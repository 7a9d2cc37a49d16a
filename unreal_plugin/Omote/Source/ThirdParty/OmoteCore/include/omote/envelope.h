#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "omote/bytes.h"
#include "omote/value.h"

namespace omote {

constexpr std::uint64_t WireVersion = 1;
constexpr std::size_t MaxHeaderBytes = 4096;
constexpr std::size_t MaxPayloadBytes = 64u << 20;
constexpr std::size_t MaxParts = 8;

/// The first part of a message, by which subscribers choose.
struct Topic {
    char kind = 0;             // v video, p params, s schema, h hello
    std::string_view format;   // of v.FORMAT/SUBJECT; empty for v/SUBJECT
    std::string_view subject;
};

/// Which message this is, and when. All times but `wallNs` are of the sender's monotonic clock.
struct Header {
    std::uint64_t session = 0;   // one run of one publisher; another session has another clock and counts anew
    std::uint64_t sequence = 0;  // counts the messages of this session and topic, from 0
    std::uint64_t index = 0;     // which picture of the source it belongs to: the same in video and params
    std::uint64_t capturedNs = 0;
    std::uint64_t generatedNs = 0;
    std::uint64_t sentNs = 0;
    std::uint64_t wallNs = 0;  // since 1970, when it was captured
};

/// A message whose topic and header were read and whose payload was not. A view of the message's parts.
struct Envelope {
    Topic topic;
    Header header;
    Value fields;   // all of the header
    Bytes payload;
    Bytes alpha;    // the fourth part; empty where there is none
};

/// What the first part says, as a view of it; WireError where it has another form.
Topic ReadTopic(Bytes part);

/// The topic to subscribe to; the format only for video. SettingsError where the subject has odd letters.
std::string TopicName(char kind, std::string_view subject, std::string_view format = {});

/// The envelope of the message in these parts, which have to outlive it, as has `document`; WireError where it breaks
/// a rule of the wire.
Envelope ReadEnvelope(const Bytes* parts, std::size_t count, Document& document);

}  // namespace omote
