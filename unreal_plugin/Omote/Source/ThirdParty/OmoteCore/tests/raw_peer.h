#pragma once

#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/// A TCP server in this process that talks to its clients, one after the other, as the test says; no ZeroMQ is involved.
class RawPeer {
public:
    /// One client: what it sends can be read, and anything can be said to it.
    class Client {
    public:
        explicit Client(int socket) : socket_(socket) {}
        ~Client() { close(socket_); }

        /// False where the client has gone.
        bool Say(const std::string& bytes) {
            for (std::size_t sent = 0; sent < bytes.size();) {
                const auto count = send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
                if (count <= 0) return false;
                sent += static_cast<std::size_t>(count);
            }
            return true;
        }

        /// So many bytes; fewer where the client has gone.
        std::string Hear(std::size_t wanted) {
            std::string heard(wanted, '\0');
            std::size_t got = 0;
            while (got < wanted) {
                const auto count = recv(socket_, heard.data() + got, wanted - got, 0);
                if (count <= 0) break;
                got += static_cast<std::size_t>(count);
            }
            heard.resize(got);
            return heard;
        }

    private:
        int socket_;
    };

    explicit RawPeer(std::function<void(Client&)> talk) : talk_(std::move(talk)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        const bool isListening = bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(listener_, 8) == 0;
        if (!isListening) throw std::runtime_error("no port is free");
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        endpoint_ = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        thread_ = std::thread([this] { Run(); });
    }

    ~RawPeer() {
        shutdown(listener_, SHUT_RDWR);
        thread_.join();
        close(listener_);
    }

    const std::string& Endpoint() const { return endpoint_; }

private:
    void Run() {
        for (int accepted; (accepted = accept(listener_, nullptr, nullptr)) >= 0;) {
            Client client(accepted);
            talk_(client);
        }
    }

    std::function<void(Client&)> talk_;
    int listener_;
    std::string endpoint_;
    std::thread thread_;
};
