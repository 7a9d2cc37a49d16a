#include "omote/tcp.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include "native_socket.h"
#include "omote/zmtp.h"

namespace omote {

namespace {

constexpr std::chrono::milliseconds SendSlice(10);

std::string Explained(int code) { return std::system_category().message(code); }

void SetFlag(Native socket, int level, int option) {
    const int isOn = 1;
    setsockopt(socket, level, option, reinterpret_cast<const char*>(&isOn), sizeof(isOn));
}

std::vector<std::string> AddressesOf(const std::string& host, const std::string& port, int flags,
                                     std::string& failure) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    std::vector<std::string> addresses;
    if (const int code = getaddrinfo(host.c_str(), port.c_str(), &hints, &found)) {
        failure = "the name '" + host + "' was not found (" + std::to_string(code) + ")";
        return addresses;
    }
    for (const addrinfo* one = found; one; one = one->ai_next) {
        addresses.emplace_back(reinterpret_cast<const char*>(one->ai_addr), static_cast<std::size_t>(one->ai_addrlen));
    }
    freeaddrinfo(found);
    std::reverse(addresses.begin(), addresses.end());
    return addresses;
}

}  // namespace

// A name is looked up in a thread that may outlive the link: the system's call can take half a minute and cannot be
// ended.
struct TcpLink::Lookup {
    std::mutex mutex;
    std::condition_variable changed;
    bool isDone = false;
    std::string failure;
    std::vector<std::string> addresses;
};

TcpEndpoint TcpEndpoint::Parse(const std::string& endpoint) {
    const std::string start = "tcp://";
    const std::size_t colon = endpoint.rfind(':');
    const bool isTcp = endpoint.rfind(start, 0) == 0 && colon != std::string::npos && colon > start.size();
    TcpEndpoint found;
    if (isTcp) found = {endpoint.substr(start.size(), colon - start.size()), endpoint.substr(colon + 1)};
    const bool isBracketed = found.host.size() > 2 && found.host.front() == '[' && found.host.back() == ']';
    if (isBracketed) found.host = found.host.substr(1, found.host.size() - 2);
    const bool isPort = !found.port.empty() && found.port.size() <= 5 &&
                        found.port.find_first_not_of("0123456789") == std::string::npos && std::stoi(found.port) > 0 &&
                        std::stoi(found.port) < 65536;
    const bool isHost = !found.host.empty() && found.host.size() < 256 &&
                        found.host.find_first_of(isBracketed ? "/ []" : "/ []:") == std::string::npos;
    if (isPort && isHost) return found;
    throw SettingsError("'" + endpoint.substr(0, 200) + "' cannot be used; wanted tcp://HOST:PORT");
}

TcpLink::TcpLink(const TcpEndpoint& endpoint) : endpoint_(endpoint) {
    StartSockets();
    std::string failure;
    const std::string host = endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host;
    addresses_ = AddressesOf(host, endpoint.port, AI_NUMERICHOST, failure);
    if (!addresses_.empty()) return;
    lookup_ = std::make_shared<Lookup>();
    std::thread([lookup = lookup_, host, port = endpoint.port] {
        std::string why;
        std::vector<std::string> found = AddressesOf(host, port, 0, why);
        const std::lock_guard<std::mutex> lock(lookup->mutex);
        lookup->addresses = std::move(found);
        lookup->failure = std::move(why);
        lookup->isDone = true;
        lookup->changed.notify_all();
    }).detach();
}

TcpLink::~TcpLink() { Close(); }

void TcpLink::Close() {
    if (socket_ != NoSocket) CloseNative(static_cast<Native>(socket_));
    socket_ = NoSocket;
}

bool TcpLink::HasAddress(std::chrono::milliseconds patience) {
    if (!lookup_) return true;
    std::unique_lock<std::mutex> lock(lookup_->mutex);
    if (!lookup_->changed.wait_for(lock, patience, [this] { return lookup_->isDone; })) return false;
    if (lookup_->addresses.empty()) throw LinkError(lookup_->failure);
    addresses_ = lookup_->addresses;
    lock.unlock();
    lookup_.reset();
    return true;
}

// True where an attempt has begun; an address that cannot be tried is passed over.
bool TcpLink::BeginConnect() {
    const std::string address = addresses_.back();
    addresses_.pop_back();
    const auto* target = reinterpret_cast<const sockaddr*>(address.data());
    const Native made = ::socket(target->sa_family, SOCK_STREAM, 0);
    if (made == static_cast<Native>(NoSocket)) {
        lastFailure_ = Explained(LastCode());
        return false;
    }
    socket_ = static_cast<std::intptr_t>(made);
    SetFlag(made, IPPROTO_TCP, TCP_NODELAY);
#if defined(SO_NOSIGPIPE)
    SetFlag(made, SOL_SOCKET, SO_NOSIGPIPE);
#endif
    const bool isBegun = SetNonBlocking(made) &&
                         (connect(made, target, static_cast<socklen_t>(address.size())) == 0 || IsLater(LastCode()));
    if (isBegun) return true;
    lastFailure_ = Explained(LastCode());
    Close();
    return false;
}

bool TcpLink::IsConnected(std::chrono::milliseconds patience) {
    if (isConnected_) return true;
    if (!HasAddress(patience)) return false;
    while (socket_ == NoSocket) {
        if (addresses_.empty()) {
            throw LinkError("nothing listens at tcp://" + endpoint_.host + ":" + endpoint_.port + " (" + lastFailure_ +
                            "): is Omote running, and is this its port?");
        }
        BeginConnect();
    }
    const bool isDecided = IsReady(socket_, POLLOUT, patience);
    int code = 0;
    socklen_t size = sizeof(code);
    getsockopt(static_cast<Native>(socket_), SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&code), &size);
    if (code != 0) {  // WSAPoll of old Windows does not tell of a refused connection, but this does
        lastFailure_ = Explained(code);
        Close();
        return false;
    }
    return isConnected_ = isDecided;
}

bool TcpLink::WaitReadable(std::chrono::milliseconds patience) const { return IsReady(socket_, POLLIN, patience); }

std::size_t TcpLink::Receive(std::uint8_t* into, std::size_t size) {
    const auto count = recv(static_cast<Native>(socket_), reinterpret_cast<char*>(into), static_cast<int>(size), 0);
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0) throw LinkError("the other side closed the connection");
    if (IsLater(LastCode())) return 0;
    throw LinkError("the connection broke: " + Explained(LastCode()));
}

void TcpLink::Send(Bytes bytes, std::chrono::milliseconds patience, const std::atomic<bool>& isStopped) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (std::size_t sent = 0; sent < bytes.size;) {
        const auto count = send(static_cast<Native>(socket_), reinterpret_cast<const char*>(bytes.data) + sent,
                                static_cast<int>(std::min<std::size_t>(bytes.size - sent, 1 << 20)), SendFlags);
        if (count > 0) {
            sent += static_cast<std::size_t>(count);
            continue;
        }
        if (!IsLater(LastCode())) throw LinkError("the connection broke: " + Explained(LastCode()));
        const bool isLate = isStopped || std::chrono::steady_clock::now() > deadline;
        if (isLate) throw LinkError("the other side takes nothing in");
        IsReady(socket_, POLLOUT, SendSlice);
    }
}

}  // namespace omote
