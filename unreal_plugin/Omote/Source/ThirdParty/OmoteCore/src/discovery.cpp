#include "omote/discovery.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "native_socket.h"
#include "omote/error.h"
#include "omote/tcp.h"
#include "omote/value.h"
#include "omote/zmtp.h"

namespace omote {

namespace {

constexpr char Question[] = "omote? 1";
constexpr std::size_t MaxSenderBytes = 1024;

std::string PrintableText(const Value& said, const char* key) {
    const std::string text(said.Text(key));
    const bool isPrintable = std::none_of(text.begin(), text.end(), [](char letter) {
        return static_cast<unsigned char>(letter) < 0x20 || letter == 0x7F;
    });
    if (isPrintable) return text;
    throw WireError(std::string("'") + key + "' of an announcement must be printable");
}

std::string EndpointText(const Value& said, const char* key) {
    const std::string endpoint = PrintableText(said, key);
    try {
        if (!endpoint.empty()) TcpEndpoint::Parse(endpoint);
    } catch (const SettingsError& error) {
        throw WireError(error.what());
    }
    return endpoint;
}

sockaddr_in LoopbackAt(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// A UDP socket that is bound to loopback.
class Asker {
public:
    Asker() {
        StartSockets();
        const Native made = ::socket(AF_INET, SOCK_DGRAM, 0);
        socket_ = static_cast<std::intptr_t>(made);
        const sockaddr_in here = LoopbackAt(0);
        const bool isMade = made != static_cast<Native>(NoSocket);
        if (isMade && SetNonBlocking(made) && bind(made, AsAddress(here), sizeof(here)) == 0) return;
        if (isMade) CloseNative(made);
        throw LinkError("senders cannot be looked for: this machine has no socket left");
    }

    ~Asker() { CloseNative(static_cast<Native>(socket_)); }
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;

    void Ask(std::uint16_t port) const {
        const sockaddr_in there = LoopbackAt(port);
        // On some systems a port without a sender is an error; it is none here.
        static_cast<void>(sendto(static_cast<Native>(socket_), Question, sizeof(Question) - 1, 0, AsAddress(there),
                                 sizeof(there)));
    }

    /// The port on loopback that a datagram of `size` bytes came from; 0 where none has come in this time.
    std::uint16_t Receive(std::array<std::uint8_t, MaxSenderBytes + 1>& into, std::size_t& size,
                          std::chrono::milliseconds patience) const {
        if (!IsReady(socket_, POLLIN, patience)) return 0;
        sockaddr_in from{};
        socklen_t fromSize = sizeof(from);
        const auto count = recvfrom(static_cast<Native>(socket_), reinterpret_cast<char*>(into.data()),
                                    static_cast<int>(into.size()), 0, reinterpret_cast<sockaddr*>(&from), &fromSize);
        if (count < 0 || from.sin_addr.s_addr != htonl(INADDR_LOOPBACK)) return 0;
        size = static_cast<std::size_t>(count);
        return ntohs(from.sin_port);
    }

private:
    static const sockaddr* AsAddress(const sockaddr_in& address) {
        return reinterpret_cast<const sockaddr*>(&address);
    }

    std::intptr_t socket_ = NoSocket;
};

}  // namespace

Sender DecodeSender(Bytes answer) {
    if (answer.size > MaxSenderBytes) {
        throw WireError("an announcement has at most 1024 bytes, got " + std::to_string(answer.size));
    }
    Document document;
    const Value said = document.Read(answer, "announcement");
    if (said.Uint("v") != 1) throw WireError("the announcement has another version than 1");
    Sender sender;
    sender.name = PrintableText(said, "name");
    sender.subject = PrintableText(said, "subject");
    sender.session = said.Uint("session");
    sender.video = EndpointText(said, "video");
    sender.params = EndpointText(said, "params");
    sender.control = EndpointText(said, "control");
    sender.omote = PrintableText(said, "omote");
    sender.isEncrypted = said.Bool("curve");
    return sender;
}

std::vector<Sender> FindSenders(std::chrono::milliseconds patience, std::uint16_t firstPort) {
    const Asker asker;
    for (std::uint16_t at = 0; at < DiscoveryPorts; ++at) asker.Ask(static_cast<std::uint16_t>(firstPort + at));
    std::map<std::uint16_t, Sender> answers;  // by port
    std::array<std::uint8_t, MaxSenderBytes + 1> bytes{};
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
        const auto left = deadline - std::chrono::steady_clock::now();
        std::size_t size = 0;
        const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(left) + std::chrono::milliseconds(1);
        const std::uint16_t port = asker.Receive(bytes, size, wait);
        if (port < firstPort || port - firstPort >= DiscoveryPorts) continue;
        try {
            answers[port] = DecodeSender({bytes.data(), size});
        } catch (const WireError&) {  // another program of this machine
            continue;
        }
    }
    std::map<std::uint64_t, Sender> bySession;
    for (auto& [port, sender] : answers) bySession[sender.session] = std::move(sender);
    std::vector<Sender> senders;
    for (auto& [session, sender] : bySession) senders.push_back(std::move(sender));
    std::sort(senders.begin(), senders.end(), [](const Sender& left, const Sender& right) {
        return std::tie(left.name, left.video) < std::tie(right.name, right.video);
    });
    return senders;
}

}  // namespace omote
