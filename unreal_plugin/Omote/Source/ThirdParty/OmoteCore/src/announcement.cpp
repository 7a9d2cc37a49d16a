#include "omote/announcement.h"

#include "omote/error.h"

namespace omote {

namespace {

constexpr std::size_t MaxAnnouncementBytes = 4096;
constexpr std::uint64_t MaxPort = 65535;

Value ReadAnnouncement(const Envelope& envelope, const char* what, Document& document) {
    if (envelope.payload.size > MaxAnnouncementBytes) {
        const std::string found = std::to_string(envelope.payload.size);
        throw WireError(std::string("a ") + what + " has at most 4096 bytes, got " + found);
    }
    return document.Read(envelope.payload, what);
}

std::pair<std::string, std::uint64_t> ReadField(const Value& field) {
    const bool isPair = field.IsList() && field.Count() == 2;
    const auto name = isPair ? field.At(0).AsText() : std::nullopt;
    const auto count = isPair ? field.At(1).AsUint() : std::nullopt;
    if (name && count) return {std::string(*name), *count};
    throw WireError("a schema lists its fields as [name, count], got " + field.ToJson().substr(0, 80));
}

}  // namespace

Schema DecodeSchema(const Envelope& envelope) {
    Document document;
    const Value said = ReadAnnouncement(envelope, "schema", document);
    Schema schema;
    schema.weights = said.Texts("weights");
    const auto fields = said.Find("fields");
    if (!fields || !fields->IsList()) throw WireError("a schema lists its fields, got none");
    for (std::size_t index = 0; index < fields->Count(); ++index) schema.fields.push_back(ReadField(fields->At(index)));
    return schema;
}

Hello DecodeHello(const Envelope& envelope) {
    Document document;
    const Value said = ReadAnnouncement(envelope, "hello", document);
    Hello hello;
    hello.omote = said.Text("omote");
    hello.wire = said.Uint("wire");
    hello.formats = said.Texts("formats");
    hello.video = said.Uint("video", MaxPort);
    hello.params = said.Uint("params", MaxPort);
    hello.control = said.Uint("control", MaxPort);
    hello.methods = said.Texts("methods");
    return hello;
}

}  // namespace omote
