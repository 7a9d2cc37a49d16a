#include "omote/envelope.h"

#include "omote/error.h"

namespace omote {

namespace {

constexpr std::size_t MaxSubjectLetters = 64;
constexpr std::size_t MaxTopicBytes = 160;

bool IsLetter(char letter) {
    const bool isName = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    return isName || (letter >= '0' && letter <= '9') || letter == '_' || letter == '.' || letter == '-';
}

bool IsFormatLetter(char letter) {
    const bool isSmall = (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
    return isSmall || letter == '+' || letter == '.';
}

template <class IsAllowed>
bool IsName(std::string_view name, IsAllowed isAllowed) {
    if (name.empty() || name.size() > MaxSubjectLetters) return false;
    for (const char letter : name) {
        if (!isAllowed(letter)) return false;
    }
    return true;
}

// The letters of a hostile topic that are safe to show.
std::string Shown(std::string_view text) {
    std::string shown(text.substr(0, 80));
    for (char& letter : shown) {
        if (letter < ' ' || letter > '~') letter = '?';
    }
    return shown;
}

Value ReadHeader(Bytes part, Document& document) {
    if (part.size > MaxHeaderBytes) {
        throw WireError("a header has at most 4096 bytes, got " + std::to_string(part.size));
    }
    const Value fields = document.Read(part, "header");
    const auto version = fields.Uint("v");
    if (version < 1) throw WireError("a header says its version, 'v': 1, got 0");
    if (version > WireVersion) {
        throw WireError("wire version " + std::to_string(version) +
                        " is newer than 1, the newest known here; update this plugin");
    }
    return fields;
}

Header ReadStamps(const Value& fields) {
    Header header;
    header.session = fields.Uint("session");
    header.sequence = fields.Uint("seq");
    header.index = fields.Uint("index");
    header.capturedNs = fields.Uint("captured");
    header.generatedNs = fields.Uint("generated");
    header.sentNs = fields.Uint("sent");
    header.wallNs = fields.Uint("wall");
    return header;
}

}  // namespace

Topic ReadTopic(Bytes part) {
    const std::string_view text = part.Text();
    const std::size_t slash = text.substr(0, MaxTopicBytes).find('/');
    if (text.size() <= MaxTopicBytes && slash != std::string_view::npos && slash > 0) {
        const Topic topic{text[0], slash > 1 ? text.substr(2, slash - 2) : std::string_view(), text.substr(slash + 1)};
        const bool hasFormat = slash > 1;
        const bool isKind = hasFormat ? topic.kind == 'v' && text[1] == '.' && IsName(topic.format, IsFormatLetter)
                                      : std::string_view("vpsh").find(topic.kind) != std::string_view::npos;
        if (isKind && IsName(topic.subject, IsLetter)) return topic;
    }
    throw WireError("a topic reads v/NAME, v.FORMAT/NAME, p/NAME, s/NAME or h/NAME, got '" + Shown(text) + "'");
}

std::string TopicName(char kind, std::string_view subject, std::string_view format) {
    if (!IsName(subject, IsLetter)) {
        throw SettingsError("a subject is 1 to 64 of A-Z a-z 0-9 _ . -, got '" + Shown(subject) + "'");
    }
    const bool isPlain = format.empty() || format == "rgba8";
    return std::string(1, kind) + (isPlain ? "" : "." + std::string(format)) + "/" + std::string(subject);
}

Envelope ReadEnvelope(const Bytes* parts, std::size_t count, Document& document) {
    if (count < 3 || count > MaxParts) {
        throw WireError("a message has 3 to 8 parts, got " + std::to_string(count));
    }
    const Topic topic = ReadTopic(parts[0]);
    const Value fields = ReadHeader(parts[1], document);
    const Envelope envelope{topic, ReadStamps(fields), fields, parts[2], count > 3 ? parts[3] : Bytes()};
    for (const Bytes& payload : {envelope.payload, envelope.alpha}) {
        if (payload.size > MaxPayloadBytes) {
            throw WireError("a payload has at most 64 MiB, got " + std::to_string(payload.size) + " bytes");
        }
    }
    return envelope;
}

}  // namespace omote
