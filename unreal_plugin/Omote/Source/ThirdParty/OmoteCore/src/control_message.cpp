#include "omote/control_message.h"

#include "omote/envelope.h"
#include "omote/packer.h"

namespace omote {

std::string EncodeRequest(std::uint64_t id, std::string_view method, const Arguments& arguments) {
    std::string request;
    Packer packer(request);
    const bool hasArguments = arguments.Count() > 0;
    packer.Map(hasArguments ? 4 : 3);
    packer.Text("v").Uint(WireVersion);
    packer.Text("id").Uint(id);
    packer.Text("method").Text(method);
    if (hasArguments) packer.Text("with").Map(arguments.Count());
    return request + arguments.Packed();
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
