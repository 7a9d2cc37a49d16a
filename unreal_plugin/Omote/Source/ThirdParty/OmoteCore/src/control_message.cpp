#include "omote/control_message.h"

#include <msgpack.hpp>

#include "omote/envelope.h"

namespace omote {

std::string EncodeRequest(std::uint64_t id, std::string_view method, const Arguments& arguments) {
    msgpack::sbuffer buffer;
    msgpack::packer<msgpack::sbuffer> packer(buffer);
    const bool hasArguments = arguments.Count() > 0;
    packer.pack_map(hasArguments ? 4 : 3);
    packer.pack("v").pack(WireVersion);
    packer.pack("id").pack(id);
    packer.pack("method").pack(method);
    if (hasArguments) packer.pack("with").pack_map(arguments.Count());
    return std::string(buffer.data(), buffer.size()) + arguments.Packed();
}

Reply DecodeReply(Bytes bytes, Document& document) {
    if (bytes.size > MaxControlBytes) {
        throw WireError("a reply has at most 16384 bytes, got " + std::to_string(bytes.size));
    }
    const Value said = document.Read(bytes, "reply");
    const auto version = said.Uint("v");
    if (version != WireVersion) {
        throw WireError("a reply is of wire version 1, got version " + std::to_string(version));
    }
    Reply reply;
    reply.id = said.Uint("id");
    if (said.Find("error")) {
        const Value error = said.Map("error");
        reply.code = error.Text("code");
        reply.message = error.Text("message");
    } else {
        reply.result = said.Map("result");
    }
    return reply;
}

}  // namespace omote
