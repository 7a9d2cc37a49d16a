#include "omote/receiver.h"

#include <algorithm>
#include <array>

#include <zmq.hpp>

#include "omote/error.h"
#include "omote/socket.h"

namespace omote {

namespace {

constexpr std::chrono::milliseconds TurnTime(100);

ReceiverSettings Checked(ReceiverSettings settings) {
    settings.format = Format::Parse(settings.format).Name();
    TopicName('v', settings.subject, settings.format);
    return settings;
}

}  // namespace

Receiver::Receiver(ReceiverSettings settings)
    : settings_(Checked(std::move(settings))),
      formatOfTopic_(settings_.format == "rgba8" ? "" : settings_.format),
      reception_(IsLocal(settings_.endpoint)),
      decoder_(settings_.order, settings_.jpeg) {}

Receiver::~Receiver() { Stop(); }

void Receiver::Start() {
    const std::lock_guard<std::mutex> lock(life_);
    if (thread_.joinable()) return;
    try {
        Connect();
    } catch (...) {
        Disconnect();
        throw;
    }
    pictures_.Clear();
    params_.Clear();
    reception_.Start();
    isStopping_ = false;
    thread_ = std::thread([this] { Run(); });
}

void Receiver::Stop() {
    const std::lock_guard<std::mutex> lock(life_);
    if (!thread_.joinable()) return;
    isStopping_ = true;
    context_->shutdown();  // wakes the thread where it waits
    thread_.join();
    reception_.Stop();
    Disconnect();
}

void Receiver::Connect() {
    context_ = std::make_unique<zmq::context_t>();
    socket_ = std::make_unique<Socket>(*context_, ZMQ_SUB, settings_.endpoint, settings_.keys,
                                       static_cast<std::int64_t>(MaxPayloadBytes));
    zmq::socket_t& socket = socket_->Get();
    socket.set(zmq::sockopt::subscribe, TopicName('v', settings_.subject, settings_.format));
    for (const char kind : {'p', 's', 'h'}) socket.set(zmq::sockopt::subscribe, TopicName(kind, settings_.subject));
}

void Receiver::Disconnect() {
    socket_.reset();
    context_.reset();
}

void Receiver::Run() {
    while (!isStopping_) {
        try {
            Turn();
        } catch (const zmq::error_t& error) {
            if (error.num() == ETERM) return;
            reception_.Reject(error.what());
            std::this_thread::sleep_for(TurnTime);
        }
    }
}

void Receiver::Turn() {
    zmq::pollitem_t item{socket_->Get().handle(), 0, ZMQ_POLLIN, 0};
    if (zmq::poll(&item, 1, TurnTime) > 0) Read();
    if (const auto handshake = socket_->LastHandshake()) reception_.SetRefused(*handshake == Handshake::Refused);
}

void Receiver::Read() {
    std::array<zmq::message_t, MaxParts + 1> messages;
    std::array<Bytes, MaxParts + 1> parts;
    std::size_t count = 0;
    for (bool hasMore = true; hasMore;) {
        // Those beyond what the wire allows fall on the last place; that there is one gets the message refused.
        const std::size_t place = std::min(count++, MaxParts);
        zmq::message_t& message = messages[place];
        if (!socket_->Get().recv(message, zmq::recv_flags::dontwait)) return;
        parts[place] = {message.data(), message.size()};
        hasMore = message.more();
    }
    Receive(parts.data(), count);
}

void Receiver::Receive(const Bytes* parts, std::size_t count) {
    try {
        const Envelope envelope = ReadEnvelope(parts, count, document_);
        if (!IsOurs(envelope.topic)) return;  // a subscription is a prefix: "omote" also brings "omote-2"
        const std::uint64_t nowNs = MonotonicNs();
        Keep(envelope, nowNs);
        reception_.Accept(envelope, nowNs);
    } catch (const std::exception& error) {
        reception_.Reject(error.what());  // a WireError, or no memory for so large a picture
    }
}

bool Receiver::IsOurs(const Topic& topic) const {
    return topic.subject == settings_.subject && (topic.kind != 'v' || topic.format == formatOfTopic_);
}

void Receiver::Keep(const Envelope& envelope, std::uint64_t nowNs) {
    switch (envelope.topic.kind) {
        case 'v':
            decoder_.Decode(envelope, picture_);
            picture_.arrivedNs = nowNs;
            pictures_.Put(picture_);
            break;
        case 'p':
            DecodeParams(envelope, face_);
            face_.arrivedNs = nowNs;
            params_.Put(face_);
            break;
        case 's':
            Note(schema_, DecodeSchema(envelope));
            break;
        default:
            Note(hello_, DecodeHello(envelope));
    }
}

template <class Announcement>
void Receiver::Note(std::optional<Announcement>& last, Announcement said) {
    const std::lock_guard<std::mutex> lock(announcements_);
    last = std::move(said);
}

std::optional<Schema> Receiver::LastSchema() const {
    const std::lock_guard<std::mutex> lock(announcements_);
    return schema_;
}

std::optional<Hello> Receiver::LastHello() const {
    const std::lock_guard<std::mutex> lock(announcements_);
    return hello_;
}

Statistics Receiver::Report() const {
    Statistics report = reception_.Report(MonotonicNs());
    report.skipped = pictures_.Replaced() + params_.Replaced();
    return report;
}

std::optional<double> Receiver::MsSince(const Header& header, std::uint64_t thenNs) const {
    const auto sinceNs = reception_.Since(header, thenNs, MonotonicNs());
    if (!sinceNs) return std::nullopt;
    return static_cast<double>(*sinceNs) / 1e6;
}

}  // namespace omote
