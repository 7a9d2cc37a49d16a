#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <zmq.hpp>

#include "omote/value.h"

/// A ROUTER in this process that answers each request by what `answer` makes of its id and method: with any
/// number of messages.
class TestControl {
public:
    using Answer = std::function<std::vector<std::string>(std::uint64_t id, const std::string& method)>;

    explicit TestControl(Answer answer) : socket_(context_, ZMQ_ROUTER), answer_(std::move(answer)) {
        socket_.set(zmq::sockopt::linger, 0);
        socket_.bind("tcp://127.0.0.1:*");
        endpoint_ = socket_.get(zmq::sockopt::last_endpoint);
        thread_ = std::thread([this] { Run(); });
    }

    ~TestControl() {
        context_.shutdown();
        thread_.join();
    }

    const std::string& Endpoint() const { return endpoint_; }

private:
    void Run() {
        try {
            while (true) AnswerOne();
        } catch (const zmq::error_t&) {
            socket_.close();
        }
    }

    void AnswerOne() {
        zmq::message_t client, request;
        if (!socket_.recv(client) || !socket_.recv(request)) return;
        omote::Document document;
        const omote::Value said = document.Read({request.data(), request.size()}, "request");
        for (const std::string& reply : answer_(said.Uint("id"), std::string(said.Text("method")))) {
            zmq::message_t to(client.data(), client.size());
            socket_.send(to, zmq::send_flags::sndmore);
            socket_.send(zmq::buffer(reply), zmq::send_flags::none);
        }
    }

    zmq::context_t context_;
    zmq::socket_t socket_;
    Answer answer_;
    std::string endpoint_;
    std::thread thread_;
};
