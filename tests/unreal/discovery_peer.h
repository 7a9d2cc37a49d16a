#pragma once

#include <atomic>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "omote/discovery.h"
#include "packed.h"

/// A sender of this machine that can be found, at the first port of discovery that is free.
class DiscoveryPeer {
public:
    DiscoveryPeer(const std::string& name, const std::string& params, const std::string& subject)
        : answer_(Packed("v", 1, "name", name, "subject", subject, "session", std::uint64_t{77}, "video", "", "params",
                         params, "control", "", "curve", false, "omote", "0.1.0")) {
        socket_ = socket(AF_INET, SOCK_DGRAM, 0);
        const timeval patience{0, 20000};
        setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        for (std::uint16_t at = 0; at < omote::DiscoveryPorts && port_ == 0; ++at) {
            sockaddr_in here{};
            here.sin_family = AF_INET;
            here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            here.sin_port = htons(static_cast<std::uint16_t>(omote::FirstDiscoveryPort + at));
            if (bind(socket_, reinterpret_cast<sockaddr*>(&here), sizeof(here)) == 0) port_ = ntohs(here.sin_port);
        }
        thread_ = std::thread([this] {
            while (!isOver_) Serve();
        });
    }

    ~DiscoveryPeer() {
        isOver_ = true;
        thread_.join();
        close(socket_);
    }

    /// 0 where all ports are taken.
    std::uint16_t Port() const { return port_; }

private:
    void Serve() {
        char question[100];
        sockaddr_in from{};
        socklen_t size = sizeof(from);
        if (recvfrom(socket_, question, sizeof(question), 0, reinterpret_cast<sockaddr*>(&from), &size) <= 0) return;
        sendto(socket_, answer_.data(), answer_.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }

    const std::string answer_;
    std::atomic<bool> isOver_{false};
    std::thread thread_;
    int socket_ = -1;
    std::uint16_t port_ = 0;
};
