#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "omote/announcement.h"
#include "omote/client_keys.h"
#include "omote/newest.h"
#include "omote/params.h"
#include "omote/picture.h"
#include "omote/reception.h"

namespace omote {

class Incoming;
class Socket;
struct SocketSettings;

struct ReceiverSettings {
    std::string endpoint = "tcp://127.0.0.1:5557";
    std::string subject = "omote";
    std::string format = "rgba8";  // of the pictures on the wire
    Order order = Order::Rgba;     // of the pictures that are handed out
    std::optional<ClientKeys> keys;
    JpegDecoder jpeg;  // needed for formats in jpeg
};

/// Listens to one subject at one endpoint. A sender may come, go and come again.
///
/// One thread owns the socket and never stops reading: the kernel's own buffers
/// hold several pictures, so a small receive buffer would not keep them fresh.
/// All functions may be called from any thread.
class Receiver {
public:
    /// Opens nothing. SettingsError where the subject or the format has odd letters.
    explicit Receiver(ReceiverSettings settings);
    ~Receiver();
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    /// Connects, and counts anew; does nothing where it runs. SettingsError where endpoint or keys cannot be used.
    void Start();

    /// Ends the thread and closes the socket, at once; `Start` may follow.
    void Stop();

    /// Swaps the newest picture into `into`, once; false where none came within `patience`.
    bool TakePicture(Picture& into, std::chrono::milliseconds patience = {}) { return pictures_.Take(into, patience); }
    bool TakeParams(Params& into, std::chrono::milliseconds patience = {}) { return params_.Take(into, patience); }

    /// What the sender said last, of what it says once a second.
    std::optional<Schema> LastSchema() const;
    std::optional<Hello> LastHello() const;

    Statistics Report() const;

    /// Whether the sender runs on this machine, so that the two clocks are one.
    bool HasOurClock() const;
    void SetClock(const ClockOffset& clock) { reception_.SetClock(clock); }

    /// Milliseconds since `thenNs`, one of the header's times; nothing where the two clocks have not met.
    std::optional<double> MsSince(const Header& header, std::uint64_t thenNs) const;

private:
    SocketSettings Wanted() const;
    void Run();
    void Turn();
    void Sort();
    void Keep(const Envelope& envelope, std::uint64_t arrivedNs);
    void PutOff();
    void DecodePicture();
    bool IsOurs(const Topic& topic) const;
    template <class Action>
    void CountErrorsOf(Action action);
    template <class Announcement>
    void Note(std::optional<Announcement>& last, Announcement said);

    const ReceiverSettings settings_;
    const std::string formatOfTopic_;  // empty for rgba8
    Reception reception_;
    Newest<Picture> pictures_;
    Newest<Params> params_;

    // The thread's own.
    PictureDecoder decoder_;
    std::unique_ptr<Incoming> incoming_;
    std::unique_ptr<Incoming> waiting_;  // the newest picture, not yet decoded
    bool isWaiting_ = false;
    Picture picture_;
    Params face_;

    mutable std::mutex announcements_;
    std::optional<Schema> schema_;
    std::optional<Hello> hello_;

    std::mutex life_;  // of the two below
    std::unique_ptr<Socket> socket_;
    std::thread thread_;
    std::atomic<bool> isStopping_{false};
};

}  // namespace omote
