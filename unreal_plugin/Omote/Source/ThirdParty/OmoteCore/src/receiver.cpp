#include "omote/receiver.h"

#include "omote/error.h"
#include "omote/incoming.h"
#include "omote/socket.h"

namespace omote {

namespace {

constexpr std::chrono::milliseconds TurnTime(100);
constexpr int MostReads = 64;

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
      decoder_(settings_.order, settings_.jpeg),
      incoming_(std::make_unique<Incoming>()),
      waiting_(std::make_unique<Incoming>()) {}

Receiver::~Receiver() { Stop(); }

void Receiver::Start() {
    const std::lock_guard<std::mutex> lock(life_);
    if (thread_.joinable()) return;
    socket_ = Socket::Open(Wanted());
    pictures_.Clear();
    params_.Clear();
    reception_.Start();
    isWaiting_ = false;
    isStopping_ = false;
    thread_ = std::thread([this] { Run(); });
}

void Receiver::Stop() {
    const std::lock_guard<std::mutex> lock(life_);
    if (!thread_.joinable()) return;
    isStopping_ = true;
    socket_->Stop();
    thread_.join();
    reception_.Stop();
    socket_.reset();
}

SocketSettings Receiver::Wanted() const {
    SocketSettings wanted;
    wanted.role = Role::Subscriber;
    wanted.endpoint = settings_.endpoint;
    wanted.keys = settings_.keys;
    wanted.maxPartBytes = MaxPayloadBytes;
    wanted.topics = {TopicName('v', settings_.subject, settings_.format)};
    for (const char kind : {'p', 's', 'h'}) wanted.topics.push_back(TopicName(kind, settings_.subject));
    return wanted;
}

void Receiver::Run() {
    while (!isStopping_) {
        CountErrorsOf([this] { Turn(); });  // no memory for a part, for one
    }
}

void Receiver::Turn() {
    std::chrono::milliseconds patience = TurnTime;
    // All that waits is read before a picture is decoded, and of several only the newest: a decoder that is slower
    // than the sender would let pictures pile up in the kernel.
    for (int count = 0; count < MostReads && incoming_->ReadFrom(*socket_, patience); ++count) {
        CountErrorsOf([this] { Sort(); });
        patience = {};
    }
    if (isWaiting_) CountErrorsOf([this] { DecodePicture(); });
    reception_.SetLink(socket_->Status());
}

template <class Action>
void Receiver::CountErrorsOf(Action action) {
    try {
        action();
    } catch (const std::exception& error) {
        reception_.Reject(error.what());  // a WireError, or no memory for so large a picture
    }
}

void Receiver::Sort() {
    const Envelope& envelope = incoming_->Open();
    if (!IsOurs(envelope.topic)) return;  // a subscription is a prefix: "omote" also brings "omote-2"
    if (envelope.topic.kind == 'v') {
        PutOff();
        return;
    }
    Keep(envelope, incoming_->ArrivedNs());
    reception_.Accept(envelope, incoming_->ArrivedNs());
}

bool Receiver::IsOurs(const Topic& topic) const {
    return topic.subject == settings_.subject && (topic.kind != 'v' || topic.format == formatOfTopic_);
}

void Receiver::PutOff() {
    RequirePicture(incoming_->Opened());  // or a broken one would take the place of one that is whole
    if (isWaiting_) {
        reception_.Accept(waiting_->Opened(), waiting_->ArrivedNs());
        reception_.Skip();
    }
    std::swap(incoming_, waiting_);
    isWaiting_ = true;
}

void Receiver::DecodePicture() {
    isWaiting_ = false;
    decoder_.Decode(waiting_->Opened(), picture_);
    picture_.arrivedNs = waiting_->ArrivedNs();
    reception_.Accept(waiting_->Opened(), picture_.arrivedNs);
    pictures_.Put(picture_);
}

void Receiver::Keep(const Envelope& envelope, std::uint64_t arrivedNs) {
    switch (envelope.topic.kind) {
        case 'p':
            DecodeParams(envelope, face_);
            face_.arrivedNs = arrivedNs;
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
    report.skipped += pictures_.Replaced() + params_.Replaced();
    return report;
}

bool Receiver::HasOurClock() const { return IsLocal(settings_.endpoint); }

std::optional<double> Receiver::MsSince(const Header& header, std::uint64_t thenNs) const {
    const auto sinceNs = reception_.Since(header, thenNs, MonotonicNs());
    if (!sinceNs) return std::nullopt;
    return static_cast<double>(*sinceNs) / 1e6;
}

}  // namespace omote
