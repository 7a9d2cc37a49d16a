#include "omote/socket.h"

#include <atomic>
#include <thread>

#include "omote/tcp.h"

namespace omote {

#if OMOTE_WITH_LIBZMQ
std::unique_ptr<Socket> OpenLibzmqSocket(const SocketSettings& settings);  // libzmq_socket.cpp
#endif

namespace {

using Clock = std::chrono::steady_clock;
using Ms = std::chrono::milliseconds;

constexpr Ms Slice(10);             // how long `Stop` may have to wait
constexpr Ms Grace(5);              // what has begun to come is read on for so long
constexpr Ms FirstPause(100), LongestPause(2000);
constexpr Ms RefusedPause(2000);
constexpr Ms ConnectTime(3000), GreetingTime(3000), HandshakeTime(5000), SendTime(2000);
constexpr Ms PingAfter(1000), SilenceAfter(4000);  // a sender beats once a second, and we ask it to besides

std::string Silent(const std::string& endpoint) {
    return "what listens at " + endpoint + " says nothing: it is no ZeroMQ socket, or its program hangs";
}

// A SUB or DEALER socket over TCP, without encryption and without a library.
class ZmtpSocket : public Socket {
public:
    explicit ZmtpSocket(const SocketSettings& settings)
        : settings_(settings), endpoint_(TcpEndpoint::Parse(settings.endpoint)), reader_(settings.maxPartBytes) {}

    bool Receive(MessageBuffer& into, Ms patience) override {
        const auto deadline = Clock::now() + patience;
        while (!isStopped_) {
            try {
                const Step step = Advance(into, deadline);
                if (step == Step::Message) return true;
                if (Clock::now() >= deadline + (step == Step::Progress ? Grace : Ms(0))) return false;
            } catch (const LinkError& error) {
                Disconnect(error);
            }
        }
        return false;
    }

    bool Send(Bytes bytes) override {
        if (phase_ != Phase::Ready) return false;
        try {
            Write(MessageFrame(bytes));
            return true;
        } catch (const LinkError& error) {
            Disconnect(error);
            return false;
        }
    }

    LinkStatus Status() const override { return {phase_ == Phase::Ready, isRefused_, reason_}; }

    void Stop() override { isStopped_ = true; }

private:
    enum class Phase { Pausing, Connecting, Greeting, Handshaking, Ready };
    enum class Step { Idle, Progress, Message };

    // One step on the way to a message; waits at most a slice, and not beyond the deadline.
    Step Advance(MessageBuffer& into, Clock::time_point deadline) {
        switch (phase_) {
            case Phase::Pausing: return Pause(deadline);
            case Phase::Connecting: return Connect(deadline);
            case Phase::Greeting: return Greet(into, deadline);
            default: return Read(into, deadline);
        }
    }

    static Ms Left(Clock::time_point deadline) {
        const auto left = std::chrono::ceil<Ms>(deadline - Clock::now());
        return left < Ms(0) ? Ms(0) : left < Slice ? left : Slice;
    }

    Step Pause(Clock::time_point deadline) {
        if (Clock::now() < nextTry_) {
            std::this_thread::sleep_for(Left(deadline < nextTry_ ? deadline : nextTry_));
            return Step::Idle;
        }
        reader_.Reset();
        link_ = std::make_unique<TcpLink>(endpoint_);
        Enter(Phase::Connecting);
        return Step::Progress;
    }

    Step Connect(Clock::time_point deadline) {
        if (!link_->IsConnected(Left(deadline))) {
            if (Clock::now() - entered_ < ConnectTime) return Step::Idle;
            throw LinkError("no answer from " + settings_.endpoint +
                            " in 3 s: is Omote running there, and does a firewall let it through?");
        }
        // In two steps: a server that needs encryption hangs up at our mechanism, before we could read its own.
        Write(ZmtpGreeting().substr(0, VersionBytes));
        Enter(Phase::Greeting);
        return Step::Progress;
    }

    Step Greet(MessageBuffer& into, Clock::time_point deadline) {
        RequireSignature(reader_.Waiting());
        std::string theirs;
        if (!reader_.TakeRaw(GreetingBytes, theirs)) return Fill(into, deadline);
        const PeerGreeting greeting = ReadGreeting(Bytes(theirs));
        if (greeting.mechanism == "CURVE") {
            throw LinkError("Omote at " + settings_.endpoint + " is encrypted, and this receiver has no key file: make one " +
                                "there with omote keys new NAME, and name it here",
                            true);
        }
        if (greeting.mechanism != "NULL") throw LinkError(settings_.endpoint + " wants " + greeting.mechanism);
        minor_ = greeting.minor;
        Write(ZmtpGreeting().substr(VersionBytes) + ReadyFrame(settings_.role));
        Enter(Phase::Handshaking);
        return Step::Progress;
    }

    Step Read(MessageBuffer& into, Clock::time_point deadline) {
        switch (reader_.Next(into)) {
            case FrameReader::Event::Message:
                if (phase_ == Phase::Ready) return Step::Message;
                throw LinkError("a message came before READY");
            case FrameReader::Event::Command: Obey(reader_.LastCommand()); return Step::Progress;
            default: return Fill(into, deadline);
        }
    }

    Step Fill(MessageBuffer& into, Clock::time_point deadline) {
        if (!link_->WaitReadable(Left(deadline))) {
            Beat();
            return Step::Idle;
        }
        std::size_t size = 0;
        std::uint8_t* room = reader_.Room(into, size);
        std::size_t count = 0;
        try {
            count = link_->Receive(room, size);
        } catch (const LinkError&) {
            if (phase_ == Phase::Handshaking) throw LinkError(HungUp(), true);
            throw;
        }
        reader_.Filled(into, count);
        if (count > 0) heard_ = Clock::now();
        return Step::Progress;
    }

    std::string HungUp() const {
        return "Omote at " + settings_.endpoint +
               " hung up during the handshake: another user of that machine runs it; omote live --open-local lets all "
               "its users in";
    }

    void Obey(std::string_view command) {
        if (phase_ == Phase::Ready) {
            if (const std::string pong = PongFor(command); !pong.empty()) Write(pong);
            return;
        }
        RequireReady(command, settings_.role);
        for (const std::string& topic : settings_.topics) Write(SubscriptionFrame(topic, minor_));
        Enter(Phase::Ready);
        pause_ = FirstPause;
        reason_.clear();
        isRefused_ = false;
    }

    // A peer whose machine vanished closes nothing; only its silence after a question tells.
    void Beat() {
        const auto now = Clock::now();
        if (phase_ != Phase::Ready) {
            if (now - entered_ < (phase_ == Phase::Greeting ? GreetingTime : HandshakeTime)) return;
            throw LinkError(Silent(settings_.endpoint));
        }
        if (now - heard_ > SilenceAfter) throw LinkError("Omote at " + settings_.endpoint + " has been silent for 4 s");
        if (now - heard_ < PingAfter || now - pinged_ < PingAfter) return;
        pinged_ = now;
        Write(CommandFrame("PING", std::string_view("\0\0", 2)));
    }

    void Write(const std::string& bytes) { link_->Send(Bytes(bytes), SendTime, isStopped_); }

    void Enter(Phase phase) {
        phase_ = phase;
        entered_ = heard_ = pinged_ = Clock::now();
    }

    void Disconnect(const LinkError& error) {
        link_.reset();
        phase_ = Phase::Pausing;
        reason_ = error.what();
        isRefused_ = error.IsRefusal();
        nextTry_ = Clock::now() + (isRefused_ ? RefusedPause : pause_);
        pause_ = 2 * pause_ < LongestPause ? 2 * pause_ : LongestPause;
    }

    const SocketSettings settings_;
    const TcpEndpoint endpoint_;
    FrameReader reader_;
    std::unique_ptr<TcpLink> link_;
    std::atomic<bool> isStopped_{false};
    Phase phase_ = Phase::Pausing;
    int minor_ = 0;
    bool isRefused_ = false;
    std::string reason_;
    Ms pause_ = FirstPause;
    Clock::time_point nextTry_{}, entered_{}, heard_{}, pinged_{};
};

}  // namespace

PeerGreeting AskGreeting(const std::string& endpoint, const std::atomic<bool>& isStopped) {
    TcpLink link(TcpEndpoint::Parse(endpoint));
    const auto deadline = Clock::now() + GreetingTime;
    const auto requireTime = [&] {
        if (isStopped || Clock::now() > deadline) throw LinkError(Silent(endpoint));
    };
    while (!link.IsConnected(Slice)) requireTime();
    const std::string ours = ZmtpGreeting().substr(0, VersionBytes);
    link.Send(Bytes(ours), SendTime, isStopped);
    std::uint8_t theirs[GreetingBytes];
    for (std::size_t count = 0; count < GreetingBytes; RequireSignature({theirs, count})) {
        if (link.WaitReadable(Slice)) count += link.Receive(theirs + count, GreetingBytes - count);
        requireTime();
    }
    return ReadGreeting({theirs, GreetingBytes});
}

bool IsLocal(const std::string& endpoint) {
    for (const char* start : {"tcp://127.", "tcp://localhost:", "tcp://[::1]:"}) {
        if (endpoint.rfind(start, 0) == 0) return true;
    }
    return false;
}

std::unique_ptr<Socket> Socket::Open(const SocketSettings& settings) {
    if (!settings.keys) return std::make_unique<ZmtpSocket>(settings);
#if OMOTE_WITH_LIBZMQ
    TcpEndpoint::Parse(settings.endpoint);
    return OpenLibzmqSocket(settings);
#else
    throw SettingsError("a key file needs libzmq, without which this program was built; the README says where to put it");
#endif
}

}  // namespace omote
