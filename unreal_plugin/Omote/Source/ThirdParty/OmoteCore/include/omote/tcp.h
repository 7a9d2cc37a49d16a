#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "omote/bytes.h"

namespace omote {

/// tcp://HOST:PORT, taken apart; SettingsError where it is none.
struct TcpEndpoint {
    std::string host;
    std::string port;

    static TcpEndpoint Parse(const std::string& endpoint);
};

/// A TCP connection whose calls return at once, except `WaitReadable` and `Send`, which are bounded. LinkError where it
/// is over. For one thread.
class TcpLink {
public:
    /// Begins to look up the host, which may take long, and then to connect. `IsConnected` says when that is done.
    explicit TcpLink(const TcpEndpoint& endpoint);
    ~TcpLink();
    TcpLink(const TcpLink&) = delete;
    TcpLink& operator=(const TcpLink&) = delete;

    /// Goes on connecting, for at most so long.
    bool IsConnected(std::chrono::milliseconds patience);

    bool WaitReadable(std::chrono::milliseconds patience) const;

    /// What is there, at most `size` bytes; 0 where nothing is.
    std::size_t Receive(std::uint8_t* into, std::size_t size);

    /// All of these bytes; waits no longer than `patience` for the other side to take them.
    void Send(Bytes bytes, std::chrono::milliseconds patience, const std::atomic<bool>& isStopped);

private:
    struct Lookup;

    bool HasAddress(std::chrono::milliseconds patience);
    bool BeginConnect();
    void Close();

    const TcpEndpoint endpoint_;
    std::shared_ptr<Lookup> lookup_;
    std::vector<std::string> addresses_;  // sockaddr bytes that are still to be tried, the next one last
    std::intptr_t socket_ = -1;
    bool isConnected_ = false;
    std::string lastFailure_;
};

}  // namespace omote
