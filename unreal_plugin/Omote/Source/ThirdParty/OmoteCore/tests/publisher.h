#pragma once

#include <string>
#include <thread>
#include <vector>

#include <zmq.hpp>

#include "vectors.h"

/// A sender in this process: binds a port of its own on the loopback, or that of one before it.
class TestPublisher {
public:
    explicit TestPublisher(const std::string& endpoint = "tcp://127.0.0.1:*") : socket_(context_, ZMQ_XPUB) {
        socket_.set(zmq::sockopt::linger, 0);
        socket_.set(zmq::sockopt::xpub_verbose, 1);
        socket_.bind(endpoint);
        endpoint_ = socket_.get(zmq::sockopt::last_endpoint);
    }

    const std::string& Endpoint() const { return endpoint_; }

    /// Waits until somebody subscribes to this topic; false where nobody did within a minute.
    bool WaitForSubscription(const std::string& topic) {
        socket_.set(zmq::sockopt::rcvtimeo, 60000);
        for (zmq::message_t news; socket_.recv(news);) {
            if (news.to_string() == "\x01" + topic) return true;
        }
        return false;
    }

    void Send(const Message& message) {
        for (std::size_t at = 0; at < message.Parts().size(); ++at) {
            const bool isLast = at + 1 == message.Parts().size();
            socket_.send(zmq::buffer(message.Parts()[at]), isLast ? zmq::send_flags::none : zmq::send_flags::sndmore);
        }
    }

private:
    zmq::context_t context_;
    zmq::socket_t socket_;
    std::string endpoint_;
};
